import assert from 'node:assert/strict'
import { mayDo, roleInCommon, ROLES, type Access } from '../../../../domain/access/roles.js'

describe('mayDo', () => {
  const mayOf = (needed: Access) => ROLES.filter((role) => mayDo(role, needed))

  it('lets each role do all that those before it may; a collector only sends events', () => {
    assert.deepEqual(mayOf('viewer'), ['viewer', 'analyst', 'operator', 'admin'])
    assert.deepEqual(mayOf('analyst'), ['analyst', 'operator', 'admin'])
    assert.deepEqual(mayOf('operator'), ['operator', 'admin'])
    assert.deepEqual(mayOf('admin'), ['admin'])
    assert.deepEqual(mayOf('collector'), ['collector', 'operator', 'admin'])
    assert.deepEqual(mayOf('open'), ROLES)
  })

  it('lets nobody without a role do more than what is open', () => {
    assert.deepEqual(
      (['open', ...ROLES] as const).filter((needed) => mayDo(undefined, needed)),
      ['open'],
    )
  })
})

describe('roleInCommon', () => {
  it('allows nothing that one of both may not, and all that both may', () => {
    const all = ['open', ...ROLES] as const
    for (const key of ROLES)
      for (const user of ROLES) {
        const both = all.filter((needed) => mayDo(key, needed) && mayDo(user, needed))
        const common = all.filter((needed) => mayDo(roleInCommon(key, user), needed))
        assert.deepEqual(common, both, `${key} of ${user}`)
      }
  })
})
