import { describe, expect, it } from 'vitest'
import { asItem, newId, type Item } from '../src/item'
import { openItems, sealItems } from '../src/seal'

const item = (n: number): Item => ({
  id: newId(), kind: 'observation', body: { n, pass: 'KM1:SECRET' }, label: '北门', by: 'collector', madeAt: 1_700_000_000_000 + n,
  state: 'refused', tries: 3, nextAt: 1, reason: { code: 'collect.expired', detail: '', fields: [] }, answer: null, sentAt: null,
})

describe('a file of items', () => {
  it('opens with its passphrase, waits to be sent, and keeps its numbers', async () => {
    const items = [item(1), item(2)]
    const text = await sealItems(items, '一个很长的口令 8')
    expect(text).not.toContain('SECRET')
    expect(text).not.toContain('collector')
    const found = await openItems(text, '一个很长的口令 8')
    if ('trouble' in found) throw new Error(found.trouble)
    expect(found.items.map(({ id, body, state, tries }) => [id, body, state, tries])).toEqual(items.map(({ id, body }) => [id, body, 'waiting', 0]))
  })

  it('does not open with another, damaged, or where it is something else', async () => {
    const text = await sealItems([item(1)], 'right passphrase')
    expect(await openItems(text, 'wrong passphrase')).toEqual({ trouble: 'passphrase_wrong' })
    const file = JSON.parse(text) as { sealed: string }
    const damaged = { ...file, sealed: (file.sealed[0] === 'A' ? 'B' : 'A') + file.sealed.slice(1) }
    expect(await openItems(JSON.stringify(damaged), 'right passphrase')).toEqual({ trouble: 'passphrase_wrong' })
    for (const other of ['', '{}', 'PK', '{"kangma":"outbox","version":1,"salt":"*"}']) expect(await openItems(other, 'x')).toEqual({ trouble: 'not_file' })
  }, 20_000)

  it('leaves out what is no item', () => {
    const fine = item(1)
    expect(asItem(fine)?.id).toBe(fine.id)
    for (const wrong of [null, 7, {}, { ...fine, id: '../1' }, { ...fine, kind: 'order' }, { ...fine, body: [] }, { ...fine, madeAt: 'now' }, { ...fine, label: 'x'.repeat(201) }]) expect(asItem(wrong)).toBeNull()
  })

  it('makes numbers that are UUIDs of version 4, each once', () => {
    const ids = Array.from({ length: 1000 }, newId)
    expect(new Set(ids).size).toBe(1000)
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
