import { describe, expect, it } from 'vitest'
import type { Item } from '../src/item'
import { firstPauseMs, longestPauseMs } from '../src/outbox'
import { FullError, type Store } from '../src/store'
import { turn } from './device'
import { World } from './world'

const made = (n: number | string, more: object = {}) => ({ kind: 'observation' as const, body: { n, ...more }, label: String(n), by: 'collector' })

async function settle(world: World, until: () => boolean | Promise<boolean>, rounds = 400): Promise<void> {
  for (let i = 0; i < rounds; i++) {
    if (await until()) return
    await world.pass(20_000)
  }
  throw new Error(`not settled: ${JSON.stringify((await world.stored()).filter((item) => item.state !== 'sent'))}`)
}

const allSent = (world: World) => async () => (await world.stored()).every((item) => item.state === 'sent')

/** How often the server recorded each content. */
function counts(world: World): Map<unknown, number> {
  const found = new Map<unknown, number>()
  for (const content of world.server.recorded) {
    const { n } = JSON.parse(content) as { n: unknown }
    found.set(n, (found.get(n) ?? 0) + 1)
  }
  return found
}

describe('the outbox', () => {
  it('lets a refused item step aside, says why, and sends it once it is mended', async () => {
    const world = new World(1)
    const { outbox } = await world.page()
    const bad = await outbox.add(made('bad', { bad: true }))
    for (let i = 0; i < 5; i++) await outbox.add(made(i))
    await settle(world, () => outbox.items.every((item) => item.state !== 'waiting'))
    expect(outbox.items.filter((item) => item.state === 'sent').length).toBe(5)
    const refused = outbox.items.find((item) => item.id === bad.id) as Item
    expect([refused.state, refused.reason?.code]).toEqual(['refused', 'collect.expired'])
    await outbox.edit(bad, { n: 'good' }, 'good')
    await settle(world, allSent(world))
    expect(counts(world).get('good')).toBe(1)
    expect((await world.stored()).find((item) => item.id === bad.id)?.body).toEqual({})
  })

  it('does not hold up the others where one never gets an answer', async () => {
    const world = new World(2)
    const handle = world.server.handle.bind(world.server)
    world.server.handle = (path, body) => {
      if (body.n === 'poison') throw { status: 500, code: 'internal', detail: '' }
      return handle(path, body)
    }
    const { outbox } = await world.page()
    await outbox.add(made('poison'))
    for (let i = 0; i < 20; i++) await outbox.add(made(i))
    await settle(world, () => outbox.items.filter((item) => item.state === 'sent').length === 20)
    expect(outbox.items.filter((item) => item.state === 'waiting').map((item) => item.label)).toEqual(['poison'])
  })

  it('asks a dead network a few times and not once for every item', async () => {
    const world = new World(3)
    world.network = false
    const { outbox } = await world.page()
    let asked = 0
    const around = (outbox as unknown as { around: { post: (path: string, body: unknown) => Promise<unknown> } }).around
    const post = around.post
    around.post = (path, body) => {
      asked += 1
      return post(path, body)
    }
    for (let i = 0; i < 100; i++) await world.pass(0).then(() => outbox.add(made(i)))
    asked = 0
    await world.pass(firstPauseMs / 2)
    expect(asked).toBeLessThan(10)
    world.network = true
    await settle(world, allSent(world), 2_000)
    expect(counts(world).size).toBe(100)
  })

  it('does not accept what it could not write, and makes room by what is sent', async () => {
    const world = new World(4)
    const { outbox } = await world.page()
    world.full = true
    await expect(outbox.add(made(1))).rejects.toBeInstanceOf(FullError)
    expect(await world.stored()).toEqual([])
    world.full = false
    await outbox.add(made(2))
    await settle(world, allSent(world))
    // Room comes back once something is taken away.
    const store = (outbox as unknown as { around: { store: { remove: (id: string) => Promise<void> } } }).around.store
    const remove = store.remove
    store.remove = async (id) => {
      await remove(id)
      world.full = false
    }
    world.full = true
    const kept = await outbox.add(made(3))
    expect((await world.stored()).map((item) => item.id)).toEqual([kept.id])
    await settle(world, allSent(world))
    expect([...counts(world).values()]).toEqual([1, 1])
  })

  it('sends what storage has no room to mark, and sends nothing twice for it', async () => {
    const world = new World(5)
    const { outbox } = await world.page()
    world.network = false
    for (let i = 0; i < 8; i++) await outbox.add(made(i))
    world.network = true
    world.full = true
    await settle(world, () => world.server.recorded.length === 8)
    world.full = false
    await settle(world, allSent(world))
    expect([...counts(world).values()].every((times) => times === 1)).toBe(true)
  })

  it('waits no longer than minutes after a clock that went years back or ahead', async () => {
    const world = new World(6)
    world.network = false
    const { outbox } = await world.page()
    await outbox.add(made(1))
    await world.pass(longestPauseMs)
    world.wall -= 3 * 365 * 86_400_000
    world.network = true
    void outbox.run()
    await settle(world, allSent(world), 20)
  })

  it('goes on after the session has ended and somebody has logged in again', async () => {
    const world = new World(7)
    world.server.session = false
    const { outbox } = await world.page()
    for (let i = 0; i < 4; i++) await outbox.add(made(i))
    await settle(world, () => world.ended.length > 0)
    const before = world.server.requests
    await world.pass(3_600_000)
    expect(world.server.requests - before).toBeLessThan(3)
    expect(outbox.items.every((item) => item.state === 'waiting')).toBe(true)
    world.server.session = true
    outbox.loggedIn()
    await settle(world, allSent(world))
    expect(counts(world).size).toBe(4)
  })

  it('records the first of two contents where one was changed under way, and offers the second as a new item', async () => {
    const world = new World(8)
    const { outbox } = await world.page()
    const item = await outbox.add(made('first'))
    const handle = world.server.handle.bind(world.server)
    // The answer to the first is lost; the collector then changes it.
    let lost = false
    world.server.handle = (path, body) => {
      const answer = handle(path, body)
      if (body.n !== 'first' || lost) return answer
      lost = true
      throw { status: 0, code: 'network', detail: '' }
    }
    await settle(world, () => lost)
    await outbox.edit(item, { n: 'second' }, 'second')
    await settle(world, () => outbox.items[0]?.state === 'refused')
    expect(outbox.items[0]?.reason?.code).toBe('collect.other_content')
    expect([...counts(world).keys()]).toEqual(['first'])
    expect(await outbox.sendAsNew(outbox.items[0] as Item)).toBe(true)
    await settle(world, allSent(world))
    expect([...counts(world)]).toEqual([['first', 1], ['second', 1]])
  })

  it('asks the server about a change of what has arrived meanwhile, or was cleared away, and drops none', async () => {
    for (const cleared of [false, true]) {
      const world = new World(10)
      const { outbox } = await world.page()
      // Somebody opens it while it waits, and saves after it has arrived.
      const item = await outbox.add(made('first'))
      await settle(world, allSent(world))
      if (cleared) await outbox.remove(outbox.items[0] as Item)
      await outbox.edit(item, { n: 'second' }, 'second')
      await settle(world, () => outbox.items[0]?.state === 'refused')
      expect(outbox.items.map(({ reason, body }) => [reason?.code, body])).toEqual([['collect.other_content', { n: 'second' }]])
      // Saved as it was, it has arrived.
      await outbox.edit(item, { n: 'first' }, 'first')
      await settle(world, allSent(world))
      expect([...counts(world)]).toEqual([['first', 1]])
    }
  })

  it('does not clear away for lack of room what another tab has changed again', async () => {
    const world = new World(11)
    const [a, b] = [await world.page(), await world.page()]
    const item = await a.outbox.add(made('first'))
    await settle(world, allSent(world))
    world.network = false
    await a.outbox.read()
    await b.outbox.edit(item, { n: 'second' }, 'second')
    world.full = true
    await expect(a.outbox.add(made('third'))).rejects.toBeInstanceOf(FullError)
    expect((await world.stored()).map(({ state, body }) => [state, body])).toEqual([['waiting', { n: 'second' }]])
  })

  it('deletes what somebody saw, and not what another tab has made of it since', async () => {
    const world = new World(13)
    world.network = false
    const [a, b] = [await world.page(), await world.page()]
    const item = await a.outbox.add(made('first'))
    await b.outbox.edit(item, { n: 'second' }, 'second')
    expect(await a.outbox.remove(item)).toBe(false)
    expect(a.outbox.items.map(({ body }) => body)).toEqual([{ n: 'second' }])
    expect(await a.outbox.remove(a.outbox.items[0] as Item)).toBe(true)
    expect(await world.stored()).toEqual([])
  })

  it('says that it deleted nothing of what was sent while somebody was asked', async () => {
    const world = new World(14)
    world.network = false
    const { outbox } = await world.page()
    const item = await outbox.add(made('first'))
    world.network = true
    await settle(world, allSent(world))
    expect(await outbox.remove(item)).toBe(false)
    expect((await world.stored()).map(({ state }) => state)).toEqual(['sent'])
    // Cleared from the list as sent, it is gone; a second time there is nothing.
    const sent = outbox.items[0] as Item
    expect(await outbox.remove(sent)).toBe(true)
    expect(await outbox.remove(sent)).toBe(false)
  })

  it('sends as new once, wherever the page dies', async () => {
    let deaths = 0
    for (let turns = 0; turns < 12; turns++) {
      const world = new World(12)
      const page = await world.page()
      const item = await page.outbox.add(made('first'))
      await settle(world, allSent(world))
      await page.outbox.edit(item, { n: 'second' }, 'second')
      await settle(world, () => page.outbox.items[0]?.state === 'refused')
      let over = false
      void page.outbox.sendAsNew(page.outbox.items[0] as Item).then(() => (over = true))
      for (let i = 0; i < turns; i++) await turn()
      page.kill()
      if (!over) deaths += 1
      // Opened again, whoever still finds it refused presses once more.
      const { outbox } = await world.page()
      await outbox.start()
      await settle(world, () => outbox.items.every(({ state }) => state !== 'waiting'))
      for (const left of [...outbox.items]) if (left.state === 'refused') await outbox.sendAsNew(left)
      await settle(world, allSent(world))
      expect([...counts(world)]).toEqual([['first', 1], ['second', 1]])
    }
    expect(deaths).toBeGreaterThan(2)
  })

  it('sends as new what somebody saw, and not what another tab made of it since', async () => {
    const world = new World(13)
    const [a, b] = [await world.page(), await world.page()]
    const item = await a.outbox.add(made('first'))
    await settle(world, allSent(world))
    const change = async (n: string) => {
      await a.outbox.edit(item, { n }, n)
      await settle(world, () => a.outbox.items[0]?.state === 'refused')
    }
    await change('second')
    await b.outbox.read()
    const seen = b.outbox.items[0] as Item
    await change('third')
    expect(await b.outbox.sendAsNew(seen)).toBe(false)
    expect(b.outbox.items.map(({ id, label }) => [id, label])).toEqual([[item.id, 'third']])
    expect(await b.outbox.sendAsNew(b.outbox.items[0] as Item)).toBe(true)
    await settle(world, allSent(world))
    expect([...counts(world)]).toEqual([['first', 1], ['third', 1]])
  })

  it('sends as new once, however often a file brings it and on both phones', async () => {
    const world = new World(14)
    const other = new World(15, world.server)
    const [one, two] = [(await world.page()).outbox, (await other.page()).outbox]
    const item = await one.add(made('first'))
    await settle(world, allSent(world))
    await one.edit(item, { n: 'second' }, 'second')
    await settle(world, () => one.items[0]?.state === 'refused')
    const file = one.items.map((item): Item => ({ ...item, state: 'waiting', reason: null }))
    for (const outbox of [two, one, two]) {
      await outbox.bring(file)
      await settle(other, () => outbox.items.every(({ state }) => state !== 'waiting'))
      for (const left of [...outbox.items]) if (left.state === 'refused') expect(await outbox.sendAsNew(left)).toBe(true)
      await settle(other, () => outbox.items.every(({ state }) => state === 'sent'))
    }
    expect([...counts(world)]).toEqual([['first', 1], ['second', 1]])
  })

  it('keeps what was made of an item that was sent as new when a file brings the item again', async () => {
    const world = new World(16)
    const { outbox } = await world.page()
    const item = await outbox.add(made('first'))
    await settle(world, allSent(world))
    await outbox.edit(item, { n: 'second' }, 'second')
    await settle(world, () => outbox.items[0]?.state === 'refused')
    const file = outbox.items.map((item): Item => ({ ...item, state: 'waiting', reason: null }))
    world.network = false
    await outbox.sendAsNew(outbox.items[0] as Item)
    await outbox.edit(outbox.items[0] as Item, { n: 'third' }, 'third')
    await outbox.bring(file)
    // As the server would refuse it again.
    const { store } = (outbox as unknown as { around: { store: Store } }).around
    await store.change(item.id, (now) => ({ ...now, state: 'refused' }))
    await outbox.sendAsNew(outbox.items.find(({ label }) => label === 'second') as Item)
    expect(outbox.items.map(({ label }) => label)).toEqual(['third'])
  })

  it('sends each item once from two tabs that share the storage', async () => {
    const world = new World(9)
    const [a, b] = [await world.page(), await world.page()]
    for (let i = 0; i < 20; i++) await (i % 2 ? a : b).outbox.add(made(i))
    await settle(world, allSent(world))
    expect([...counts(world).values()].every((times) => times === 1)).toBe(true)
    expect(counts(world).size).toBe(20)
  })
})
