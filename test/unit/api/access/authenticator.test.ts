import assert from 'node:assert/strict'
import { createKey, digestOf, keyIdOf } from '../../../../api/access/api-key.js'
import { Authenticator, type StoredKey } from '../../../../api/access/authenticator.js'

describe('Authenticator', () => {
  const key = createKey()
  const digest = digestOf(key)
  let stored: StoredKey
  let wallMs: number
  let passedMs: number
  let lookUps: number
  let authenticator: Authenticator

  beforeEach(() => {
    stored = {
      ...{ keyId: keyIdOf(digest), name: 'shop', role: 'viewer', digest, requestsPerMinute: null },
      ...{ expiresTs: null, revokedTs: null, userId: null, userName: null, userRole: null, userDisabledTs: null },
    }
    wallMs = Date.UTC(2026, 9, 1, 12)
    passedMs = 0
    lookUps = 0
    authenticator = new Authenticator({
      findKey: () => {
        lookUps++
        return Promise.resolve(stored)
      },
      findSession: () => Promise.resolve(undefined),
      nowMs: () => wallMs,
      monotonicMs: () => passedMs,
      keptMs: 1_000,
      maxKept: 10,
    })
  })

  it('keeps a key for its time, and no longer when the wall clock is set back', async () => {
    assert.equal((await authenticator.byKey(key)).kind, 'known')
    stored = { ...stored, revokedTs: new Date(wallMs) }
    passedMs = 999
    wallMs -= 3_600_000
    assert.equal((await authenticator.byKey(key)).kind, 'known')
    passedMs = 1_000
    assert.deepEqual(await authenticator.byKey(key), { kind: 'refused', reason: 'revoked', keyId: stored.keyId })
    assert.equal(lookUps, 2)
  })

  it('ends a key by the wall clock', async () => {
    stored = { ...stored, expiresTs: new Date(wallMs + 1) }
    assert.equal((await authenticator.byKey(key)).kind, 'known')
    wallMs += 1
    assert.deepEqual(await authenticator.byKey(key), { kind: 'refused', reason: 'expired', keyId: stored.keyId })
  })

  it('looks a key up once for all who wait, and does not know another text', async () => {
    await Promise.all([authenticator.byKey(key), authenticator.byKey(key)])
    assert.equal(lookUps, 1)
    assert.equal((await authenticator.byKey(createKey())).kind, 'refused')
    assert.deepEqual(await authenticator.byKey('x'), { kind: 'refused', reason: 'malformed' })
  })
})
