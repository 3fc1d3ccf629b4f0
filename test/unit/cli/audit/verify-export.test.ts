import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { verifyExport } from '../../../../cli/audit/verify-export.js'
import { FIRST_PREVIOUS_HASH, sealOf, type AuditRecord } from '../../../../db/stores/audit.js'
import { exportWriter } from '../../../../schemas/rest/audit-export.js'

/** A log of so many records. */
function auditLog(count: number): AuditRecord[] {
  const log: AuditRecord[] = []
  for (let seq = 1; seq <= count; seq += 1) {
    const said = {
      ...{
        seq,
        recordedTs: new Date(Date.UTC(2026, 9, 1) + seq),
        actor: 'key_1',
        actorName: 'Ada',
        action: 'rule.edit',
      },
      ...{
        target: `rule/R/${seq}`,
        outcome: 'done' as const,
        requestId: `r${seq}`,
        before: null,
        after: { b: seq, a: [1] },
      },
      previousHash: log.at(-1)?.hash ?? FIRST_PREVIOUS_HASH,
    }
    log.push({ ...said, hash: sealOf(said) })
  }
  return log
}

function exportOf(records: readonly AuditRecord[], after = 0): string[] {
  const text = exportWriter(after)
  return [text.begin(), ...records.map(text.record), text.end('all')].map((line) => line.trimEnd())
}

const faultsIn = async (lines: readonly string[]) =>
  (await verifyExport(Readable.from(lines))).faults.map(({ line, fault }) => `${line} ${fault}`)

describe('the check of an exported audit log', () => {
  const log = auditLog(6)
  const lines = exportOf(log)

  it('finds nothing wrong with what was exported, and says where it begins and ends', async () => {
    const last = { seq: 6, hash: log[5]?.hash.toString('hex') }
    assert.deepEqual(await verifyExport(Readable.from(lines)), { records: 6, begins: null, head: last, faults: [] })
    const part = await verifyExport(Readable.from(exportOf(log.slice(2), 2)))
    assert.deepEqual(part, {
      records: 4,
      begins: { seq: 2, hash: log[1]?.hash.toString('hex') },
      head: last,
      faults: [],
    })
    assert.deepEqual(await faultsIn(exportOf([])), [])
  })

  it('names the line of what was changed, whatever was', async () => {
    const changes: [RegExp, string][] = [
      [/"actor":"key_1"/, '"actor":"key_2"'],
      [/"after":\{"b":3/, '"after":{"b":4'],
      [/"before":null/, '"before":0'],
      [/"recorded_ts":"2026/, '"recorded_ts":"2025'],
      [/"outcome":"done"/, '"outcome":"denied"'],
    ]
    for (const [from, to] of changes) {
      const changed = lines.map((line, n) => (n === 3 ? line.replace(from, to) : line))
      assert.notDeepEqual(changed, lines)
      assert.deepEqual(await faultsIn(changed), ['4 changed'], to)
    }
  })

  it('tells records that are missing, in another order, or sealed anew', async () => {
    const without = (n: number) => lines.filter((_, at) => at !== n)
    assert.deepEqual(await faultsIn(without(3)), ['4 missing', '7 missing']) // the last line counts them
    assert.deepEqual(await faultsIn(without(1)), ['2 missing', '7 missing'])
    assert.deepEqual(await faultsIn(without(6)), ['7 missing'])
    assert.deepEqual(await faultsIn([...lines.slice(0, 3), lines[4] ?? '', lines[3] ?? '', ...lines.slice(5)]), [
      '4 missing',
      '5 missing',
      '6 missing',
    ])
    const third = log[2] as AuditRecord
    const other = { ...third, actor: 'nobody' }
    const forged = exportOf(log.map((record, n) => (n === 2 ? { ...other, hash: sealOf(other) } : record)))
    assert.deepEqual(await faultsIn(forged), ['5 not_chained'])
  })

  it('takes nothing that was cut off, or is something else, for an export', async () => {
    assert.deepEqual(await faultsIn(lines.slice(0, -1)), ['8 cut_off'])
    assert.deepEqual(await faultsIn([]), ['1 cut_off'])
    assert.deepEqual(await faultsIn([...lines, lines[2] ?? '']), ['9 not_an_export'])
    assert.deepEqual(await faultsIn(['{"kind":"begin"}', ...lines.slice(1)]), ['1 not_an_export'])
    assert.deepEqual(await faultsIn([lines[0] ?? '', 'no JSON', ...lines.slice(1)]), ['2 not_an_export'])
  })

  it('does not go on for ever about a file that is none', async () => {
    const { faults } = await verifyExport(Readable.from(Array.from({ length: 1_000 }, () => '{}')))
    assert.equal(faults.length, 100)
  })
})
