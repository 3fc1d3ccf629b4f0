import assert from 'node:assert/strict'
import type { ApiDeps } from '../../../api/api.js'
import { ProblemError } from '../../../api/problem-error.js'
import { serveApi } from '../../support/serve-api.js'

describe('the address of a caller', () => {
  it('comes from as many proxies as are trusted, and from no other', async () => {
    for (const [trustedProxies, address] of [
      [0, '127.0.0.1'],
      [1, '2.2.2.2'],
      [2, '1.1.1.1'],
    ] as const) {
      const seen: string[] = []
      const refuse: ApiDeps['refuse'] = (from) => {
        seen.push(from)
        return new ProblemError('UNAUTHENTICATED', 'no')
      }
      const api = await serveApi({ trustedProxies, refuse })
      const headers = { 'content-type': 'application/json', 'x-forwarded-for': '1.1.1.1, 2.2.2.2' }
      await fetch(`${api.url}/session`, { method: 'POST', headers, body: JSON.stringify({ key: 'k' }) })
      await api.stop()
      assert.deepEqual(seen, [address], `${trustedProxies} proxies`)
    }
  })
})
