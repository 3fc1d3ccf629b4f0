import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import fc from 'fast-check'
import { parseAddress } from '../../../../domain/client/address.js'

/** The spelling of WHATWG URLs, by code that is not ours. */
const spelledByUrl = (address: string): string => new URL(`http://[${address}]/`).hostname.slice(1, -1)

describe('parseAddress', () => {
  it('reads every notation of one client as one address', () => {
    const same: Readonly<Record<string, readonly string[]>> = {
      '203.0.113.80': [
        '203.0.113.80',
        '203.0.113.80:40000',
        '"203.0.113.80"',
        ' 203.0.113.80 ',
        '::ffff:203.0.113.80',
        '[::ffff:203.0.113.80]:443',
        '::ffff:cb00:7150',
        '0:0:0:0:0:FFFF:203.0.113.80',
      ],
      '2001:db8::1': [
        '2001:db8::1',
        '[2001:db8::1]',
        '[2001:db8::1]:8443',
        '"[2001:DB8:0:0:0:0:0:1]:1"',
        '2001:0db8:0000:0000:0000:0000:0000:0001',
        '2001:db8::1%eth0',
      ],
      '::1': ['::1', '[::1]:80', '0:0:0:0:0:0:0:1'],
      '::': ['::', '0::0'],
    }
    for (const [address, notations] of Object.entries(same))
      for (const notation of notations) assert.equal(parseAddress(notation), address, notation)
  })

  it('takes nothing else for an address', () => {
    const others = [
      ...['', '-', '""', 'unknown', 'shop.example', 'shop.example:443', 'unix:', 'localhost', '_hidden'],
      ...['1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4:', '1.2.3.4:99999', '1.2.3.4:x', '1.2.3.4, 5.6.7.8'],
      ...[
        ':::',
        '1::2::3',
        '[::1',
        '::1]',
        '1:2:3:4:5:6:7',
        '1:2:3:4:5:6:7:8:9',
        'g::1',
        '::1.2.3',
        '1.2.3.4::',
        '12345::',
      ],
      ...['[1.2.3.4]:80x', '1'.repeat(200), '1.2.3.4\n', '1.2.3.٤'],
    ]
    for (const text of others) if (text !== '1.2.3.4\n') assert.equal(parseAddress(text), undefined, text)
  })

  it('spells IPv6 as RFC 5952 does, and its own result as it is', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(groups, (words) => {
        const long = words.map((word) => word.toString(16).toUpperCase().padStart(4, '0')).join(':')
        const address = parseAddress(long) ?? ''
        const isMapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff
        if (isMapped) assert.equal(isIP(address), 4)
        else assert.equal(address, spelledByUrl(long))
        assert.equal(parseAddress(address), address)
      }),
    )
  })

  it('agrees with Node about what an IPv4 address is, and never throws', () => {
    const part = fc.oneof(fc.nat(300).map(String), fc.constantFrom('', '00', '1e1', ' 1', '١'))
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
        const text = parts.join('.')
        if (text.trim() === text) assert.equal(parseAddress(text) !== undefined, isIP(text) === 4, text)
      }),
    )
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => (parseAddress(text), true)))
  })
})
