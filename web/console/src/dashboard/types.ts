// What the dashboard's panels get from the server. A count that is null is withheld.
import type { Instant } from '@kangma/shared/api-types'

/** In the order of the tiles: how things stand by colour, then what asks for work. */
export const measures = ['red', 'yellow', 'green', 'grey', 'new_red', 'overdue', 'review'] as const
export type Measure = (typeof measures)[number]
export const colours = ['green', 'yellow', 'red', 'grey'] as const
export type Colour = (typeof colours)[number]
export type Count = number | null

export interface Head {
  division: string
  name: string
  path: { division: string; name: string }[]
  as_of: Instant
  day: string
  floor: number
}

export interface Numbers extends Head {
  numbers: { measure: Measure; count: Count; change: Count }[]
  appeals: { open: Count; late: Count }
  devices: { checkpoints: number; checkpoints_stale: number; collectors: number; collectors_waiting: number; outbox: number }
}

export interface SeriesOf extends Head {
  days: string[]
  series: { measure: Measure; counts: Count[] }[]
}

export interface Child {
  division: string
  name: string
  has_children: boolean
  unknown: boolean
  counts: Count[]
  changes: Count[]
}

export interface Children extends Head {
  measures: Measure[]
  rows_total: number
  /** Whether the installation has a map on which all of them are drawn. */
  map: boolean
  rows: Child[]
}

export interface AppealFigures {
  days: number
  target_hours: number
  offices: { level: string; division: string; name: string; answered: Count; median_hours: number | null; late_percent: Count }[]
  counted_at: Instant
}

/** GeoJSON of the divisions below one; a feature without a code has no count. */
export interface Shapes {
  type: 'FeatureCollection'
  features: { type: 'Feature'; properties: { code: string; name: string }; geometry: { type: 'Polygon' | 'MultiPolygon'; coordinates: unknown[] } }[]
}
