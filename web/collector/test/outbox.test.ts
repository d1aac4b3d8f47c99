import { describe, expect, it } from 'vitest'
import type { Item } from '../src/item'
import { firstPauseMs, longestPauseMs } from '../src/outbox'
import { FullError } from '../src/store'
import { World, turn, type Page } from './world'

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
  it('survives a thousand deaths of page, network and server: what it accepted is recorded exactly once', async () => {
    const world = new World(20_260_211)
    const accepted: number[] = []
    const kills = { page: 0, network: 0, server: 0 }
    let pages: Page[] = [await world.page()]
    void pages[0]?.outbox.start()
    let n = 0
    while (kills.page + kills.network + kills.server < 1000) {
      const page = pages[Math.floor(world.random() * pages.length)] as Page
      const dice = world.random()
      if (dice < 0.3) {
        const mine = ++n
        // Accepted is what the page said that it has; a page that dies on the way has said nothing.
        void page.outbox.add(made(mine)).then(() => accepted.push(mine), () => undefined)
      } else if (dice < 0.45) {
        page.kill()
        kills.page += 1
        pages = pages.filter((other) => other !== page)
        const next = await world.page()
        pages.push(next)
        void next.outbox.start()
        // Somebody opens a second tab, and closes it again.
        if (world.random() < 0.2 && pages.length < 3) {
          const second = await world.page()
          pages.push(second)
          void second.outbox.start()
        }
      } else if (dice < 0.6) {
        if (world.network) kills.network += 1
        world.network = !world.network
      } else if (dice < 0.75) {
        if (world.server.up) kills.server += 1
        world.server.up = !world.server.up
      } else if (dice < 0.78) {
        world.server.session = false
      } else if (dice < 0.84) {
        world.server.session = true
        page.outbox.loggedIn()
      } else if (dice < 0.86) {
        world.full = !world.full
      } else if (dice < 0.88) {
        // A clock that jumps by days, either way.
        world.wall += Math.floor((world.random() - 0.5) * 10 * 86_400_000)
      } else await world.pass(Math.floor(world.random() * 8_000))
      for (let i = Math.floor(world.random() * 5); i > 0; i--) await turn()
    }
    world.network = world.server.up = world.server.session = true
    world.full = false
    for (const { outbox } of pages) outbox.loggedIn()
    await settle(world, allSent(world), 2_000)
    const recorded = counts(world)
    expect(accepted.length).toBeGreaterThan(300)
    expect(accepted.filter((mine) => recorded.get(mine) !== 1)).toEqual([])
    expect([...recorded].filter(([, times]) => times !== 1)).toEqual([])
    expect(Math.min(kills.page, kills.network, kills.server)).toBeGreaterThan(200)
  }, 120_000)

  it('lets a refused item step aside, says why, and sends it once it is mended', async () => {
    const world = new World(1)
    const { outbox } = await world.page()
    const bad = await outbox.add(made('bad', { bad: true }))
    for (let i = 0; i < 5; i++) await outbox.add(made(i))
    await settle(world, () => outbox.items.every((item) => item.state !== 'waiting'))
    expect(outbox.items.filter((item) => item.state === 'sent').length).toBe(5)
    const refused = outbox.items.find((item) => item.id === bad.id) as Item
    expect([refused.state, refused.reason?.code]).toEqual(['refused', 'collect.expired'])
    await outbox.edit(bad.id, { n: 'good' }, 'good')
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
    await outbox.edit(item.id, { n: 'second' }, 'second')
    await settle(world, () => outbox.items[0]?.state === 'refused')
    expect(outbox.items[0]?.reason?.code).toBe('collect.other_content')
    expect([...counts(world).keys()]).toEqual(['first'])
    await outbox.sendAsNew(item.id)
    await settle(world, allSent(world))
    expect([...counts(world)]).toEqual([['first', 1], ['second', 1]])
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
