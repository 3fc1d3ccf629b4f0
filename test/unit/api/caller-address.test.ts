import assert from 'node:assert/strict'
import type { ApiDeps } from '../../../api/api.js'
import { ProblemError } from '../../../api/problem-error.js'
import type { CollectorDeps } from '../../../api/routes/events.js'
import type { ClientFrom } from '../../../domain/client/client-from.js'
import { serveApi } from '../../support/serve-api.js'

describe('the address of a caller', function () {
  this.timeout(20_000)

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

  it('is noted for a click as the collector is configured, in one spelling', async () => {
    const cases: readonly (readonly [ClientFrom, Readonly<Record<string, string>>, string])[] = [
      [{ kind: 'peer' }, { 'x-forwarded-for': '203.0.113.9' }, '127.0.0.1'],
      [{ kind: 'forwarded', hops: 1 }, { 'x-forwarded-for': '10.9.9.9, 203.0.113.9:4711' }, '203.0.113.9'],
      [{ kind: 'forwarded', hops: 1 }, { 'x-forwarded-for': 'unknown' }, '127.0.0.1'],
      [{ kind: 'field', name: 'CF-Connecting-IP' }, { 'cf-connecting-ip': '2001:DB8::7' }, '2001:db8::7'],
      [{ kind: 'field', name: 'CF-Connecting-IP' }, {}, '127.0.0.1'],
    ]
    for (const [clientFrom, headers, expected] of cases) {
      const seen: unknown[] = []
      const sink: CollectorDeps['sink'] = {
        encoder: () =>
          Promise.resolve(({ topic, event }) => {
            seen.push('ip' in event ? event.ip : undefined)
            return { topic, key: event.session_id, value: Buffer.from('x'), partition: 0, eventMs: event.event_ts }
          }),
        send: () => Promise.resolve(),
      }
      const collector = { sink, clientFrom, notesClient: true, maxFutureSkewMs: 300_000, allowedLatenessMs: 30_000 }
      const api = await serveApi({ collector: { ...collector, maxRecordBytes: 10_000, traceHeaders: () => undefined } })
      const click = { type: 'click', session_id: 's1', event_type: 'page_view', page: '/' }
      const request = { method: 'POST', headers: { 'content-type': 'application/json', ...headers } }
      const response = await fetch(`${api.url}/events`, { ...request, body: JSON.stringify(click) })
      await api.stop()
      assert.equal(response.status, 200, await response.text())
      assert.deepEqual(seen, [expected], JSON.stringify([clientFrom, headers]))
    }
  })
})
