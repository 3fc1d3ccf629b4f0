import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import {
  createCheckedFetch,
  OutboundRefusedError,
  type CheckedFetchSettings,
} from '../../../../platform/outbound/checked-fetch.js'

describe('createCheckedFetch', () => {
  let server: Server
  let port: number
  let asked: string[]
  let answer: RequestListener
  beforeEach(async () => {
    asked = []
    answer = (_request, response) => response.end('ok')
    server = createServer((request, response) => {
      asked.push(`${String(request.method)} ${String(request.url)}`)
      answer(request, response)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const settings = (more: Partial<CheckedFetchSettings> = {}): CheckedFetchSettings => ({
    allowedHosts: [],
    timeoutMs: 2_000,
    maxAnswerBytes: 1_000,
    ...more,
  })
  const local = () => `127.0.0.1:${port}`
  const named = (...addresses: string[]) => {
    let calls = 0
    const resolve: CheckedFetchSettings['resolve'] = (_host, _options, callback) => {
      calls += 1
      callback(null, addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))) // prettier-ignore
    }
    return { resolve, calls: () => calls }
  }

  it('refuses this machine and this network in every way to write them, and asks nobody', async () => {
    const fetched = createCheckedFetch(settings())
    const hosts = ['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0177.0.0.1', '0', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254', '10.0.0.1', 'localhost'] // prettier-ignore
    for (const host of hosts) await assert.rejects(fetched(`http://${host}:${port}/`), OutboundRefusedError, host)
    for (const url of ['file:///etc/passwd', `ftp://${local()}/`, `gopher://${local()}/`])
      await assert.rejects(fetched(url), OutboundRefusedError, url)
    assert.deepEqual(asked, [])
  })

  it('calls what is allowed by host and port, and that alone', async () => {
    const fetched = createCheckedFetch(settings({ allowedHosts: [local()] }))
    const response = await fetched(`http://${local()}/hook`, { method: 'POST', body: 'x' })
    assert.deepEqual([response.status, await response.text(), asked], [200, 'ok', ['POST /hook']])
    await assert.rejects(fetched(`http://127.0.0.1:${port + 1}/`), OutboundRefusedError)
  })

  it('refuses a name of which one address is not public', async () => {
    const { resolve } = named('93.184.215.14', '127.0.0.1')
    await assert.rejects(
      createCheckedFetch(settings({ resolve }))(`http://hooks.example:${port}/`),
      OutboundRefusedError,
    )
    assert.deepEqual(asked, [])
  })

  it('looks a name up once, and connects to the address that was checked', async () => {
    const { resolve, calls } = named('127.0.0.1')
    const checked: string[] = []
    const isAllowed = (address: string) => checked.push(address) > 0
    await createCheckedFetch(settings({ resolve, isAllowed }))(`http://hooks.example:${port}/a`)
    assert.deepEqual([calls(), checked, asked], [1, ['127.0.0.1'], ['GET /a']])
  })

  it('does not follow a redirect', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/inside' }).end()
    const response = await createCheckedFetch(settings({ allowedHosts: [local()] }))(`http://${local()}/`)
    assert.deepEqual([response.status, asked], [302, ['GET /']])
  })

  it('reads no more of an answer than it may, and waits no longer', async () => {
    answer = (_request, response) => {
      const more = () => response.destroyed || response.write('x'.repeat(60_000), () => setImmediate(more))
      more()
    }
    const endless = await createCheckedFetch(settings({ allowedHosts: [local()] }))(`http://${local()}/`)
    assert.equal((await endless.text()).length, 1_000)
    answer = (_request, response) => void response.write('a')
    const slow = createCheckedFetch(settings({ allowedHosts: [local()], timeoutMs: 200 }))
    await assert.rejects(slow(`http://${local()}/`))
  })
})
