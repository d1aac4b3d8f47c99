// The tree of divisions, read level by level as somebody opens it, and the
// names met on the way.
import { get } from '../api'
import type { Division } from '../api-types'
import { lang } from '../i18n'
import { reactive } from 'vue'

const lists = new Map<string, Promise<Division[]>>()
const names = reactive(new Map<string, string>())

/** The children of a division, or the provinces; a failed read is not remembered. */
export function children(parent: string | null): Promise<Division[]> {
  const key = `${lang.value}:${parent ?? ''}`
  let list = lists.get(key)
  if (!list) {
    list = get<{ items: Division[] }>(parent ? `/api/v1/divisions?parent=${encodeURIComponent(parent)}` : '/api/v1/divisions').then(
      ({ items }) => {
        for (const item of items) names.set(item.code, item.name)
        return items
      },
    )
    lists.set(key, list)
    list.catch(() => lists.delete(key))
  }
  return list
}

const lengths = [2, 4, 6, 9, 12]

/** The codes from the province down to the division itself. */
export function ancestry(code: string): string[] {
  return lengths.filter((length) => length <= code.length).map((length) => code.slice(0, length))
}

/** `浙江省 杭州市 西湖区`, of the names that are known. */
export function pathText(code: string): string {
  return ancestry(code)
    .map((part) => names.get(part))
    .filter((name, i, all) => name && name !== all[i - 1])
    .join(' ')
}
