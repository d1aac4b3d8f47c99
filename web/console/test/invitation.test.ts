import { expect, it } from 'vitest'
import { tokenOf } from '../src/invitation/token'

it('finds the token of an invitation in what follows #, and nothing else', () => {
  expect(tokenOf('#/invitation/aB3_-x')).toBe('aB3_-x')
  for (const other of ['', '#/review', '#/invitation/', '#/invitation/a b', '#/invitation/a/b', `#/invitation/${'a'.repeat(101)}`]) expect(tokenOf(other)).toBeNull()
})
