// The rooms of the console: a folder each, loaded when first entered, shown to whom one of its
// permissions is given. A room without permissions is everybody's.
import type { Component } from 'vue'
import { createRouter, createWebHashHistory } from 'vue-router'
import { may } from './session'
import type { zh } from './texts'

export interface Room {
  name: 'review' | 'dashboard' | 'orders' | 'alarms' | 'lists' | 'people' | 'accounts' | 'rules' | 'areas' | 'service' | 'mine'
  permissions: string[]
  /** What follows the name in the address. */
  rest?: string
  load: () => Promise<{ default: Component }>
}

export const rooms: Room[] = [
  { name: 'review', rest: '/:id?', permissions: ['review', 'appeal', 'approve'], load: () => import('./review/ReviewRoom.vue') },
  { name: 'dashboard', rest: '/:division?', permissions: ['dashboard'], load: () => import('./dashboard/DashboardRoom.vue') },
  { name: 'orders', permissions: ['order', 'countersign_order', 'audit'], load: () => import('./orders/OrdersRoom.vue') },
  { name: 'alarms', permissions: ['audit'], load: () => import('./alarms/AlarmsRoom.vue') },
  { name: 'lists', rest: '/:id?', permissions: ['import'], load: () => import('./lists/ListsRoom.vue') },
  { name: 'people', permissions: ['look_up'], load: () => import('./people/PeopleRoom.vue') },
  { name: 'accounts', rest: '/:part?/:name?', permissions: ['grant_rights'], load: () => import('./accounts/AccountsRoom.vue') },
  { name: 'rules', rest: '/:part?/:id?/:step?', permissions: ['rules', 'publish_rules'], load: () => import('./rules/RulesRoom.vue') },
  { name: 'areas', rest: '/:part?/:id?', permissions: ['rules', 'publish_rules'], load: () => import('./areas/AreasRoom.vue') },
  { name: 'service', permissions: ['operate'], load: () => import('./service/ServiceRoom.vue') },
  { name: 'mine', permissions: [], load: () => import('./mine/MineRoom.vue') },
]

export const title = (room: Room): keyof typeof zh => `room.${room.name}`

/** The rooms of whoever is logged in. */
export const open = (): Room[] => rooms.filter((room) => room.permissions.length === 0 || room.permissions.some((p) => may(p)))

// Addresses after `#`: the server has one page, and an address can be passed on.
export const router = createRouter({
  history: createWebHashHistory(),
  routes: rooms.map((room) => ({ path: `/${room.name}${room.rest ?? ''}`, name: room.name, component: room.load })),
})
