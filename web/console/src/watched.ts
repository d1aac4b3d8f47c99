// Something that a page shows and that goes on meanwhile: read now, and again after as long as the answer says.
import { ApiError } from '@kangma/shared/api'
import { onUnmounted, ref, type Ref } from 'vue'
import { ended, sentence } from './session'

/** Without a network it is asked again after this long. */
const offlineMs = 5_000

/** `read` asks; `take` shows what came, and says in how many milliseconds to read again: 0 is never. Of several
 * readings the newest counts, and none once the page is left. */
export function watched<T>(read: () => Promise<T>, take: (found: T) => number | Promise<number>): { look: () => Promise<void>; trouble: Ref<string | null> } {
  const trouble = ref<string | null>(null)
  let timer = 0
  let turn = 0
  let gone = false
  async function look(): Promise<void> {
    window.clearTimeout(timer)
    const mine = ++turn
    const stale = (): boolean => gone || mine !== turn
    const again = (ms: number): void => {
      if (ms) timer = window.setTimeout(() => void look(), ms)
    }
    try {
      const found = await read()
      if (stale()) return
      trouble.value = null
      const ms = await take(found)
      if (!stale()) again(ms)
    } catch (error) {
      if (stale() || ended(error)) return
      trouble.value = sentence(error)
      again(error instanceof ApiError && error.offline ? offlineMs : 0)
    }
  }
  onUnmounted(() => {
    gone = true
    window.clearTimeout(timer)
  })
  return { look, trouble }
}
