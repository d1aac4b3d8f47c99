// What one may give, and why not: the server's own rule, so that the page can say it before anybody asks.
import type { Grant } from '../session'

/** In the order of the server, with what needs a second factor. */
export const permissions = [
  'collect', 'verify', 'look_up', 'review', 'appeal', 'approve', 'import', 'export', 'order',
  'countersign_order', 'rules', 'publish_rules', 'audit', 'enterprise', 'operate', 'grant_rights', 'dashboard',
] as const
export type Permission = (typeof permissions)[number]
export const strong: ReadonlySet<string> = new Set(['approve', 'import', 'export', 'order', 'countersign_order', 'publish_rules', 'grant_rights'])

export type Lack =
  | { kind: 'not_held'; permission: string }
  | { kind: 'elsewhere'; permission: string; divisions: string[] }
  | { kind: 'shorter'; permission: string; until: string }

/** Why a set of permissions cannot be given in a division until an instant; nothing where it can. */
export function lacks(mine: Grant[], wanted: string[], division: string, until: number): Lack[] {
  return ['grant_rights', ...wanted.filter((p) => p !== 'grant_rights')].flatMap((permission): Lack[] => {
    const held = mine.filter((g) => g.assignment === null && g.permissions.includes(permission))
    if (held.length === 0) return [{ kind: 'not_held', permission }]
    const there = held.filter((g) => division.startsWith(g.division))
    if (there.length === 0) return [{ kind: 'elsewhere', permission, divisions: held.map((g) => g.division) }]
    const last = there.reduce((a, b) => (Date.parse(b.ends_at) > Date.parse(a.ends_at) ? b : a))
    return Date.parse(last.ends_at) < until ? [{ kind: 'shorter', permission, until: last.ends_at }] : []
  })
}

/** What a set gains and loses. */
export function changes(before: string[], after: string[]): { added: string[]; taken: string[] } {
  return { added: after.filter((p) => !before.includes(p)), taken: before.filter((p) => !after.includes(p)) }
}

/** The last second of a day in a zone. */
export function endOfDay(day: string, zone: string): string {
  const wanted = Date.parse(`${day}T23:59:59Z`)
  const there = (at: number): number => {
    const parts = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' }).formatToParts(at)
    const of = (type: string) => parts.find((p) => p.type === type)?.value ?? '00'
    return Date.parse(`${of('year')}-${of('month')}-${of('day')}T${of('hour')}:${of('minute')}:${of('second')}Z`)
  }
  // Twice: the first step may cross a change of the clocks.
  let at = wanted
  for (let i = 0; i < 2; i++) at += wanted - there(at)
  return new Date(at).toISOString().replace('.000Z', 'Z')
}
