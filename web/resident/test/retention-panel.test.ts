import type { Retention } from '@kangma/shared/api-types'
import { setLang } from '@kangma/shared/i18n'
import { afterEach, expect, it, vi } from 'vitest'
import { createApp, nextTick, type App } from 'vue'
import RetentionPanel from '../src/RetentionPanel.vue'

const answer: Retention = {
  kinds: [{ kind: 'check_in', days: 30, erased: 2 }, { kind: 'declaration', days: null, erased: 0 }],
  erased_at: '2020-03-11T02:00:00Z',
}
vi.mock('../src/session', () => ({ retention: () => Promise.resolve(answer), session: { zone: 'Asia/Shanghai' } }))

let app: App
afterEach(() => {
  app.unmount()
  setLang('zh')
})

it('names kinds and days in the language that is read, and follows it', async () => {
  setLang('en')
  app = createApp(RetentionPanel)
  const box = document.body.appendChild(document.createElement('div'))
  app.mount(box)
  const details = box.querySelector('details') as HTMLDetailsElement
  details.open = true
  details.dispatchEvent(new Event('toggle'))
  await vi.waitFor(() => expect(box.textContent).toContain('Check-ins: kept for 30 days · 2 erased'))
  const texts = { 'kept.name.check_in': '健康打卡（繁）', 'kept.days': '{name}：保存 {days} 天', 'kept.last': '最近一次刪除：{when}' }
  setLang({ lang: 'zh-Hant', name: '繁體中文', dir: 'ltr', texts: { resident: texts } })
  await nextTick()
  expect(box.textContent).toContain('健康打卡（繁）：保存 30 天 · 已删除 2 条')
  expect(box.textContent).toContain('健康申报：保留，规则未规定期限')
  expect(box.textContent).toContain('最近一次刪除：2020年3月11日 10:00')
  setLang({ lang: 'fr', name: 'français', dir: 'ltr', texts: {} })
  await nextTick()
  expect(box.textContent).toContain('Last erased: 11 mars 2020, 10:00')
})
