// Items on this device: IndexedDB, one record an item. A write counts when its
// transaction is complete, never before.
import type { Item } from './item'

const name = 'kangma.collector'
const table = 'items'

/** Storage is full: nothing was written. */
export class FullError extends Error {}

export interface Store {
  all(): Promise<Item[]>
  /** Writes one that is new; false if its number is there already. */
  add(item: Item): Promise<boolean>
  /** Changes one in a single step, its number too; what is gone or not wanted (`null`) stays as it is. */
  change(id: string, change: (item: Item) => Item | null): Promise<Item | null>
  /** Takes one away, if it is still what somebody took it for; whether it did. */
  remove(id: string, wanted?: (item: Item) => boolean): Promise<boolean>
  close(): void
}

export async function openStore(factory: IDBFactory = indexedDB): Promise<Store> {
  const db = await new Promise<IDBDatabase>((found, failed) => {
    const opening = factory.open(name, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore(table, { keyPath: 'id' })
    opening.onsuccess = () => found(opening.result)
    opening.onerror = () => failed(opening.error ?? new Error('storage'))
  })
  // A newer page in another tab may change the form of the storage.
  db.onversionchange = () => db.close()

  /** One transaction; its result is known once it is on the disk. */
  function act<T>(mode: IDBTransactionMode, work: (items: IDBObjectStore, keep: (value: T) => void) => void): Promise<T> {
    return new Promise((done, failed) => {
      const transaction = db.transaction(table, mode, { durability: 'strict' })
      let result: T
      let cause: unknown = null
      const fail = () => {
        const error = cause ?? transaction.error
        failed((error as { name?: string } | null)?.name === 'QuotaExceededError' ? new FullError('full') : (error ?? new Error('storage')))
      }
      transaction.oncomplete = () => done(result)
      transaction.onabort = fail
      try {
        work(transaction.objectStore(table), (value) => {
          result = value
        })
      } catch (error) {
        cause = error
        transaction.abort()
      }
    })
  }

  return {
    all: () =>
      act('readonly', (items, keep: (value: Item[]) => void) => {
        const read = items.getAll() as IDBRequest<Item[]>
        read.onsuccess = () => keep(read.result)
      }),
    add: (item) =>
      act('readwrite', (items, keep: (value: boolean) => void) => {
        const there = items.getKey(item.id)
        there.onsuccess = () => {
          keep(there.result === undefined)
          if (there.result === undefined) items.add(plain(item))
        }
      }),
    change: (id, change) =>
      act('readwrite', (items, keep: (value: Item | null) => void) => {
        const read = items.get(id) as IDBRequest<Item | undefined>
        read.onsuccess = () => {
          const next = read.result ? change(read.result) : null
          keep(next)
          if (!next) return
          if (next.id === id) return void items.put(plain(next))
          items.delete(id)
          // What is there under the other number was this one before, and may have been changed since.
          const there = items.getKey(next.id)
          there.onsuccess = () => {
            if (there.result === undefined) items.put(plain(next))
          }
        }
      }),
    remove: (id, wanted = () => true) =>
      act('readwrite', (items, keep: (value: boolean) => void) => {
        const read = items.get(id) as IDBRequest<Item | undefined>
        read.onsuccess = () => {
          const takes = read.result !== undefined && wanted(read.result)
          keep(takes)
          if (takes) items.delete(id)
        }
      }),
    close: () => db.close(),
  }
}

/** Without the proxies of what is shown. */
const plain = (item: Item): Item => JSON.parse(JSON.stringify(item)) as Item
