import assert from 'node:assert/strict'
import {
  clientAddress,
  forwardedClient,
  parseClientFrom,
  type ClientFrom,
} from '../../../../domain/client/client-from.js'
import { knownOrNull } from '../../../../domain/client/known.js'

const claims = (peer: string | undefined, forwarded?: string, header?: string) => ({
  peer,
  forwarded,
  field: (name: string) => (name === 'cf_connecting_ip' ? header : undefined),
})
const forwarded = (hops: number): ClientFrom => ({ kind: 'forwarded', hops })

describe('clientAddress', () => {
  it('believes only what trusted proxies appended', () => {
    const spoofed = '10.9.9.9, 198.51.100.7, 203.0.113.1'
    assert.equal(clientAddress(forwarded(1), claims('192.0.2.1', spoofed)), '203.0.113.1')
    assert.equal(clientAddress(forwarded(2), claims('192.0.2.1', spoofed)), '198.51.100.7')
    assert.equal(forwardedClient('"198.51.100.7:123"', 1), '198.51.100.7')
  })

  it('falls back to the peer when a header holds no address, so that nobody vanishes', () => {
    for (const text of [undefined, '', '-', 'unknown', '<script>', 'a, b', '9'.repeat(300)])
      assert.equal(clientAddress(forwarded(1), claims('192.0.2.1', text)), '192.0.2.1', text)
    assert.equal(clientAddress(forwarded(4), claims('192.0.2.1', '198.51.100.7')), '192.0.2.1')
    const byField: ClientFrom = { kind: 'field', name: 'cf_connecting_ip' }
    assert.equal(clientAddress(byField, claims('192.0.2.1', undefined, '::ffff:198.51.100.9')), '198.51.100.9')
    assert.equal(clientAddress(byField, claims('192.0.2.1', undefined, 'nonsense')), '192.0.2.1')
  })

  it('takes the last of a list that stands in the place of the peer', () => {
    assert.equal(clientAddress({ kind: 'peer' }, claims('10.9.9.9, 198.51.100.7')), '198.51.100.7')
    assert.equal(clientAddress(forwarded(2), claims('10.9.9.9, 198.51.100.7, 203.0.113.1')), '198.51.100.7')
    assert.equal(clientAddress({ kind: 'peer' }, claims('unix:')), undefined)
    assert.equal(clientAddress({ kind: 'peer' }, claims(undefined)), undefined)
  })

  it('is named by a person in words that are checked', () => {
    assert.deepEqual(parseClientFrom('first'), { kind: 'peer' })
    assert.deepEqual(parseClientFrom('forwarded:2'), { kind: 'forwarded', hops: 2 })
    assert.deepEqual(parseClientFrom('xff'), { kind: 'forwarded', hops: 1 })
    assert.deepEqual(parseClientFrom('CF-Connecting-IP'), { kind: 'field', name: 'CF-Connecting-IP' })
    for (const text of ['', 'forwarded:0', 'forwarded:17', 'a b', '-x'])
      assert.throws(() => parseClientFrom(text), text)
  })
})

describe('knownOrNull', () => {
  it('takes placeholders for unknown, and nothing else', () => {
    for (const text of [null, undefined, '', '-', ' ', ' - ', '""', '"-"', "''"]) assert.equal(knownOrNull(text), null)
    for (const text of ['--', '0', 'null', '- -', 'a', '"a"']) assert.equal(knownOrNull(text), text)
  })
})
