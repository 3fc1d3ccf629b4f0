import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { sendAuditExport, type ExportSettings } from '../../../api/send-audit-export.js'
import type { AuditRecord } from '../../../db/stores/audit.js'
import { ExportLine } from '../../../schemas/rest/audit-export.js'

const record = (seq: number): AuditRecord => ({
  ...{ seq, recordedTs: new Date(0), actor: 'a', actorName: 'a', action: 'x', target: 't', outcome: 'done' },
  ...{
    requestId: 'r',
    before: null,
    after: 'x'.repeat(1_000),
    previousHash: Buffer.alloc(32),
    hash: Buffer.alloc(32, 1),
  },
})

/** Pages of ten records, and how many of them were read. */
function pagesOf(count: number, failAt = Infinity) {
  const read = { pages: 0 }
  const pages: AsyncIterator<AuditRecord[]> = {
    next() {
      if (read.pages === failAt) return Promise.reject(new Error('away'))
      if (read.pages === count) return Promise.resolve({ done: true, value: undefined })
      read.pages += 1
      return Promise.resolve({
        done: false,
        value: Array.from({ length: 10 }, (_, n) => record(read.pages * 10 - 9 + n)),
      })
    },
  }
  return { read, pages }
}

async function send(of: ReturnType<typeof pagesOf>, out: Writable, settings: Partial<ExportSettings> = {}) {
  const stillMay = () => Promise.resolve(true)
  await sendAuditExport(out, await of.pages.next(), of.pages, {
    after: 0,
    isAll: true,
    stallMs: 1_000,
    stillMay,
    ...settings,
  })
}

/** Takes what comes when it is told to. */
function receiver(highWaterMark = 1_000_000) {
  const held: (() => void)[] = []
  const chunks: Buffer[] = []
  const take = { isSlow: false }
  const out = new Writable({
    highWaterMark,
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      if (take.isSlow) held.push(done)
      else done()
    },
  })
  const lines = () =>
    Buffer.concat(chunks)
      .toString()
      .trimEnd()
      .split('\n')
      .map((line) => ExportLine.parse(JSON.parse(line)))
  return { out, held, take, lines }
}

describe('an export of the audit log', () => {
  it('says where it ends, and from where to go on', async () => {
    const whole = receiver()
    await send(pagesOf(2), whole.out)
    const last = { seq: 20, hash: '01'.repeat(32) }
    assert.equal(whole.lines().length, 22)
    assert.deepEqual(whole.lines().at(-1), {
      ...{ kind: 'end', complete: true, reason: 'all', records: 20, head: last, next_cursor: null },
    })
    const part = receiver()
    await send(pagesOf(2), part.out, { isAll: false })
    assert.deepEqual(part.lines().at(-1), {
      ...{ kind: 'end', complete: false, reason: 'limit', records: 20, head: last, next_cursor: '20' },
    })
  })

  it('ends where the database is away, or the caller may not see it any more', async () => {
    const endOf = async (failAt: number, settings: Partial<ExportSettings>) => {
      const { out, lines } = receiver()
      await send(pagesOf(5, failAt), out, settings)
      const end = lines().at(-1)
      assert.ok(end?.kind === 'end' && out.writableEnded)
      return [end.complete, end.reason, end.records, end.next_cursor]
    }
    assert.deepEqual(await endOf(2, {}), [false, 'unavailable', 20, '20'])
    assert.deepEqual(await endOf(9, { stillMay: () => Promise.resolve(false) }), [false, 'access', 10, '10'])
    assert.deepEqual(await endOf(9, { stillMay: () => Promise.reject(new Error('away')) }), [false, 'access', 10, '10'])
  })

  it('reads no faster than its receiver takes', async () => {
    const of = pagesOf(50)
    const { out, held, take } = receiver(1_000)
    take.isSlow = true
    const sending = send(of, out)
    for (let n = 0; n < 5; n += 1) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      assert.ok(of.read.pages <= n + 1, `${of.read.pages} pages read, ${n} taken`)
      held.shift()?.()
    }
    take.isSlow = false
    held.shift()?.()
    await sending
    assert.equal(of.read.pages, 50)
  })

  it('cuts off a receiver who takes nothing, without a last line, and one who has gone', async () => {
    const of = pagesOf(50)
    const { out, take, lines } = receiver(10)
    take.isSlow = true
    await send(of, out, { stallMs: 20 })
    assert.deepEqual([out.destroyed, of.read.pages, lines().at(-1)?.kind], [true, 1, 'begin'])
    const gone = receiver()
    gone.out.destroy()
    const other = pagesOf(50)
    await send(other, gone.out)
    assert.equal(other.read.pages, 1)
  })
})
