// The table, its forms and dialogs as a person handles them, with a server that answers when it is told to.
import { createApp, defineComponent, h, nextTick, reactive, type Component } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import ConfirmDialog from '../../src/rules/ConfirmDialog.vue'
import NewRuleForm from '../../src/rules/NewRuleForm.vue'
import Workbench from '../../src/rules/Workbench.vue'
import type { Draft } from '../../src/rules/draft'
import type { RuleRow } from '../../src/rules/types'

let end: (() => void) | null = null
afterEach(() => end?.())

function shown(what: Component, props: Record<string, unknown>): HTMLElement {
  const box = document.createElement('div')
  document.body.append(box)
  const app = createApp(defineComponent(() => () => h(what, props)))
  app.mount(box)
  end = () => {
    app.unmount()
    box.remove()
  }
  return box
}
const one = <T extends HTMLElement>(box: HTMLElement, selector: string): T => {
  const found = box.querySelector<T>(selector)
  if (!found) throw new Error(`no ${selector}`)
  return found
}
function fill(field: HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement, said: string): void {
  field.value = said
  field.dispatchEvent(new Event('input', { bubbles: true }))
  field.dispatchEvent(new Event('change', { bubbles: true }))
}

describe('a new rule', () => {
  it('does what is shown, also after it looks at something else', async () => {
    const add = vi.fn()
    const box = shown(NewRuleForm, { taken: new Set(['A']), languages: ['zh'], behind: null, onAdd: add })
    fill(one<HTMLSelectElement>(box, '[data-new=does]'), 'review')
    await nextTick()
    expect(box.querySelector('[data-new="zh.what_to_do"]')).toBeNull()
    fill(one<HTMLSelectElement>(box, '[data-new=on]'), 'listed')
    await nextTick()
    await nextTick()
    const says = one<HTMLSelectElement>(box, '[data-new=does]').value
    expect(says).toBe('yellow')
    fill(one<HTMLInputElement>(box, '[data-new="zh.what_to_do"]'), '请居家')
    fill(one<HTMLInputElement>(box, '#new-rule-id'), 'B')
    one(box, 'form').dispatchEvent(new Event('submit', { cancelable: true }))
    expect(add.mock.calls[0]![0]).toMatchObject({ does: says, on: 'listed', words: { zh: { what_to_do: '请居家' } } })
  })

  it('is left by Esc only where nothing was typed', async () => {
    const cancel = vi.fn()
    const box = shown(NewRuleForm, { taken: new Set(), languages: ['zh'], behind: null, onCancel: cancel })
    const esc = (isComposing = false) => one(box, '#new-rule-id').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, isComposing }))
    esc(true)
    expect(cancel).not.toHaveBeenCalled()
    fill(one<HTMLInputElement>(box, '[data-new="zh.title"]'), '甲')
    esc()
    expect(cancel).not.toHaveBeenCalled()
    fill(one<HTMLInputElement>(box, '[data-new="zh.title"]'), '')
    esc()
    expect(cancel).toHaveBeenCalledOnce()
  })
})

describe('what is made sure of', () => {
  it('is not left while it is sent, and says what went wrong', async () => {
    let answer: (said: string | null) => void = () => undefined
    const send = vi.fn(() => new Promise<string | null>((done) => (answer = done)))
    const left = vi.fn()
    const box = shown(ConfirmDialog, { title: 'x', lines: ['y'], action: 'z', send, onDone: left })
    const dialog = one<HTMLDialogElement>(box, 'dialog')
    const cancel = one(box, '.button.second')
    one(box, '[data-action=sure]').click()
    await nextTick()
    const asked = new Event('cancel', { cancelable: true })
    dialog.dispatchEvent(asked)
    const esc = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true })
    cancel.dispatchEvent(esc)
    cancel.click()
    expect([asked.defaultPrevented, esc.defaultPrevented, cancel.getAttribute('aria-disabled')]).toEqual([true, true, 'true'])
    // A browser that closes it all the same does not end it.
    dialog.close()
    await nextTick()
    expect([left.mock.calls.length, dialog.open]).toEqual([0, true])
    one(box, '[data-action=sure]').click()
    expect(send).toHaveBeenCalledOnce()
    answer('no line')
    await vi.waitFor(() => expect(one(box, '[role=alert]').textContent).toBe('no line'))
    expect(dialog.open).toBe(true)
    cancel.click()
    await vi.waitFor(() => expect(left).toHaveBeenCalledOnce())
  })
})

const text = ['A', 'B', 'C'].map((id) => `[[rule]]\nid = "${id}"\non = "listed"\nstages = [{ colour = "red", release = { days = 14 } }, { colour = "yellow", release = { days = 7 } }]\n`).join('\n')
/** Rules as the server finds them in a text. */
function found(of: string): RuleRow[] {
  return [...of.matchAll(/\[\[rule\]\]\nid = "(.*)"\n/g)].map((m) => {
    const end = of.indexOf('[[rule]]', m.index + 8)
    const block = of.slice(m.index, end === -1 ? undefined : end)
    const values = [...block.matchAll(/colour = ("\w+")|days = (\d+)/g)].map((v, i) => {
      const said = v[1] ?? v[2]!
      const from = m.index + v.index + v[0].length - said.length
      return { path: `stages.${Math.floor(i / 2)}.${v[1] ? 'colour' : 'release.days'}`, value: JSON.parse(said) as unknown, from, to: from + said.length }
    })
    return { id: m[1]!, how: 'rule', pack: null, file: 'rules.toml', from: m.index, to: m.index + 8, on: 'listed', when: 'true', does: 'colour', opens: [], release: [], source: null, values, sentence: null }
  })
}
function bench(): { box: HTMLElement; draft: Draft; look: () => Promise<void>; now: () => string } {
  const files = { 'rules.toml': text, 'words/zh.toml': '' }
  const draft = reactive({ id: 'd', view: {}, files, saved: { ...files }, typed: null, of: {}, checking: false, conflict: null }) as unknown as Draft
  const look = async (): Promise<void> => {
    draft.typed = { ok: true, id: null, pack_version: null, division: null, digest: null, diagnostics: [], rules: found(draft.files['rules.toml']!), cases: [], coverage: { cases: 0, passed: 0, unreached: [], branches: [] } }
    draft.of = draft.files
    for (let i = 0; i < 6; i++) await nextTick()
  }
  const box = shown(Workbench, { draft, side: 'rules' })
  return { box, draft, look, now: () => draft.files['rules.toml']! }
}

describe('the table', () => {
  const open = async (box: HTMLElement, id: string) => {
    one(box, `[data-rule=${id}] .pick`).click()
    for (let i = 0; i < 4; i++) await nextTick()
  }

  it('acts once, and again when the server has looked; words and values are written meanwhile', async () => {
    const { box, look, now } = bench()
    await look()
    await open(box, 'A')
    one(box, '[data-act-rule=remove]').click()
    await open(box, 'B')
    for (const name of ['remove', 'down', 'copy', 'add_stage']) one(box, `[data-act-rule=${name}]`).click()
    expect(now()).toBe(text.slice(text.indexOf('[[rule]]', 8)))
    fill(one<HTMLInputElement>(box, '[data-value="stages.1.release.days"]'), '10')
    expect(now()).toBe(text.slice(text.indexOf('[[rule]]', 8)).replace('days = 7', 'days = 10'))
    await look()
    one(box, '[data-act-rule=remove]').click()
    expect(now()).toBe(text.slice(text.indexOf('[[rule]]\nid = "C"')))
  })

  it('has the stages that the text has, and back again', async () => {
    const { box, look, now } = bench()
    await look()
    await open(box, 'B')
    one(box, '[data-remove-stage="0"]').click()
    await nextTick()
    expect(one<HTMLSelectElement>(box, '[data-value="stages.0.colour"]').value).toBe('yellow')
    expect(box.querySelector('[data-value="stages.1.release.days"]')).toBeNull()
    fill(one<HTMLInputElement>(box, '[data-value="stages.0.release.days"]'), '21')
    expect(now().split('\n').filter((line) => !text.includes(line))).toEqual(['stages = [{ colour = "yellow", release = { days = 21 } }]'])
    await look()
    one(box, '[data-act-rule=add_stage]').click()
    await look()
    one(box, '[data-remove-stage="0"]').click()
    await nextTick()
    expect(box.querySelector('[data-value="stages.1.colour"]')).toBeNull()
    one(box, '[data-action=undo]').click()
    await nextTick()
    expect(box.querySelector('[data-value="stages.1.colour"]')).not.toBeNull()
    fill(one<HTMLInputElement>(box, '[data-value="stages.0.release.days"]'), '22')
    expect(now()).toContain('stages = [{ colour = "yellow", release = { days = 22 } }, { colour = "yellow", release = { days = 7 } }]')
  })

  it('adds what ends a stage by a button, not by a choice', async () => {
    const { box, look, now } = bench()
    await look()
    await open(box, 'A')
    fill(one<HTMLSelectElement>(box, '[data-add-end="0"]'), 'negative_tests')
    fill(one<HTMLSelectElement>(box, '[data-add-end="0"]'), 'confirmed_by')
    await nextTick()
    expect(now()).toBe(text)
    one(box, '[data-add="0"]').click()
    expect(now()).toBe(text.replace('days = 14', 'days = 14, confirmed_by = "county"'))
  })

  it('brings a new row to whom it waits for, and not to who went on elsewhere', async () => {
    for (const elsewhere of ['', 'typed', 'cursor', 'chose']) {
      const { box, look } = bench()
      await look()
      await open(box, 'A')
      one(box, '[data-act-rule=copy]').click()
      await nextTick()
      const area = one<HTMLTextAreaElement>(box, '[data-text]')
      if (elsewhere === 'typed') fill(area, `${area.value}# more\n`)
      if (elsewhere === 'cursor') area.click()
      if (elsewhere === 'chose') await open(box, 'C')
      await look()
      const focused = document.activeElement?.closest<HTMLElement>('[data-rule]')?.dataset.rule ?? null
      expect([elsewhere, focused]).toEqual([elsewhere, elsewhere === '' ? 'A-2' : null])
      end?.()
      end = null
    }
  })
})
