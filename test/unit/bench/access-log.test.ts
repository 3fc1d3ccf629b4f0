import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { ACCESS_LOG_SEED } from '../../../bench/access-log.js'
import { addressOf, CLIENTS, isDeclaredBot, USER_AGENTS, userAgentOf } from '../../../bench/access-log/clients.js'
import { accessLogBlocks } from '../../../bench/access-log/lines.js'
import { logTimeMs, withLateLines } from '../../support/late-lines.js'

const LINE =
  /^(\S+) - - \[[^\]]+\] "(?:GET|POST|HEAD) (\/\S*) HTTP\/(?:1\.1|2\.0)" \d{3} \d+ "(?:-|https:[^"]+)" "([^"]+)"$/
const ASSET = /^\/(?:images|static)\/|^\/favicon\.ico$/
const DAY_MS = 86_400_000

interface Line {
  readonly atMs: number
  readonly address: string
  readonly path: string
  readonly userAgent: string
}

function read(text: string): Line {
  const [, address = '', path = '', userAgent = ''] = LINE.exec(text) ?? []
  assert.notEqual(address, '', text)
  return { atMs: logTimeMs(text), address, path, userAgent }
}

/** Pages of a client in a window, by client and start. */
function pagesByWindow(lines: readonly Line[], windowMs: number): Map<string, string[]> {
  const windows = new Map<string, string[]>()
  for (const { atMs, address, path } of lines) {
    if (ASSET.test(path)) continue
    const key = `${address} ${Math.floor(atMs / windowMs)}`
    const pages = windows.get(key)
    if (pages) pages.push(path)
    else windows.set(key, [path])
  }
  return windows
}

describe('a generated access log', function () {
  this.timeout(30_000)
  let texts: readonly string[] = []
  let lines: readonly Line[] = []

  before(() => {
    texts = [...accessLogBlocks(100_000, ACCESS_LOG_SEED)].join('').trimEnd().split('\n')
    lines = texts.map(read)
  })

  it('is the same for the same seed and number of lines', () => {
    const digest = (seed: number): string => {
      const hash = createHash('sha256')
      for (const block of accessLogBlocks(10_000, seed)) hash.update(block)
      return hash.digest('hex')
    }
    assert.equal(digest(ACCESS_LOG_SEED), '9e483206c3b3eb3fde65154b8283608b313a2c1b202395e41b105fcc81483988')
    assert.notEqual(digest(ACCESS_LOG_SEED + 1), digest(ACCESS_LOG_SEED))
  })

  it('has as many lines as asked for, over a day', () => {
    assert.equal(lines.length, 100_000)
    for (const count of [0, 1, 7, 12_345]) {
      const text = [...accessLogBlocks(count, 1)].join('')
      assert.equal(text.split('\n').length - 1, count)
    }
    const times = lines.map(({ atMs }) => atMs)
    const spanMs = times.reduce((a, b) => Math.max(a, b)) - times.reduce((a, b) => Math.min(a, b))
    assert.ok(spanMs > 0.99 * DAY_MS && spanMs < DAY_MS)
    const atNight = times.filter((atMs) => new Date(atMs).getUTCHours() === 3).length
    const inTheEvening = times.filter((atMs) => new Date(atMs).getUTCHours() === 19).length
    assert.ok(inTheEvening > 5 * atNight)
  })

  it('has 40 % assets, 5 % of its clients declared bots, and addresses of both kinds', () => {
    const assets = lines.filter(({ path }) => ASSET.test(path)).length
    assert.ok(Math.abs(assets / lines.length - 0.4) < 0.01, `${assets} assets`)
    const clients = new Map(lines.map(({ address, userAgent }) => [address, userAgent]))
    const bots = [...clients.values()].filter((agent) => /bot|spider|externalhit/i.test(agent)).length
    assert.ok(Math.abs(bots / clients.size - 0.05) < 0.01, `${bots} bots of ${clients.size} clients`)
    const ipv6 = [...clients.keys()].filter((address) => address.includes(':')).length
    assert.ok(ipv6 > 0.08 * clients.size && ipv6 < 0.15 * clients.size)
    assert.ok(USER_AGENTS > 280 && USER_AGENTS < 320, `${USER_AGENTS} user agents`)
  })

  it('has clients with an address each', () => {
    const addresses = new Set(Array.from({ length: CLIENTS }, (_, client) => addressOf(client)))
    assert.equal(addresses.size, CLIENTS)
    const bots = Array.from({ length: CLIENTS }, (_, client) => client).filter(isDeclaredBot)
    assert.ok(Math.abs(bots.length / CLIENTS - 0.05) < 0.001)
    assert.equal(userAgentOf(7_777), userAgentOf(7_777))
  })

  it('has scrapers that the default rules flag, and nobody else', () => {
    const fast = [...pagesByWindow(lines, 10_000)].filter(([, pages]) => pages.length >= 50)
    const patient = [...pagesByWindow(lines, 60_000)].filter(
      ([, pages]) => pages.length >= 120 && new Set(pages).size <= 3,
    )
    assert.equal(fast.length, 16)
    assert.equal(patient.length, 4)
  })

  it('is out of order by some seconds, as servers are', () => {
    let newestMs = 0
    let late = 0
    let latestMs = 0
    for (const { atMs } of lines) {
      if (atMs < newestMs) late++
      latestMs = Math.max(latestMs, newestMs - atMs)
      newestMs = Math.max(newestMs, atMs)
    }
    assert.ok(late > 0.01 * lines.length && late < 0.3 * lines.length, `${late} lines are late`)
    assert.ok(latestMs > 5_000 && latestMs <= 28_000, `${latestMs} ms`)
  })

  it('can have 5 % of its lines up to 120 s out of order', () => {
    const shuffled = withLateLines(texts, { seed: 1 })
    assert.deepEqual([...shuffled].sort(), [...texts].sort())
    let newestMs = 0
    const lateMs = shuffled.map((line) => {
      const atMs = logTimeMs(line)
      newestMs = Math.max(newestMs, atMs)
      return newestMs - atMs
    })
    const late = lateMs.filter((ms) => ms > 28_000).length / texts.length
    assert.ok(late > 0.03 && late < 0.05, `${late}`)
    const latestMs = lateMs.reduce((a, b) => Math.max(a, b))
    assert.ok(latestMs > 110_000 && latestMs <= 120_000)
    assert.deepEqual(withLateLines(texts, { seed: 1 }), shuffled)
  })
})
