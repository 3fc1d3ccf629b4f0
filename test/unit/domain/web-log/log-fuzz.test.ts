import assert from 'node:assert/strict'
import { LineCutter } from '../../../../cli/ingest/log-lines.js'
import { LogReading } from '../../../../cli/ingest/log-reading.js'
import { SeededRandom } from '../../../../cli/simulate/seeded-random.js'
import { readingOptions } from '../../../support/reading-options.js'
import { FUZZED_FORMATS, randomRequest, writeLine, type LoggedRequest } from '../../../support/fuzzed-log.js'

/** The long run is `FUZZ_LINES=1000000 npm test test/unit/domain/web-log/log-fuzz.test.ts`. */
const LINES = Number(process.env['FUZZ_LINES'] ?? 24_000)
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_006)

type Outcome = 'read' | 'skipped' | 'rejected'

/** What becomes of lines, by the reader as the commands use it. */
function outcomes(format: string, lines: readonly string[]): Outcome[] {
  const reading = new LogReading(readingOptions({ now: () => Date.UTC(2100, 0, 1) }))
  const log = reading.file({ file: 'fuzzed.log', server: 'web', format })
  log.prepare([])
  const found: Outcome[] = []
  let before = reading.counts
  const cutter = new LineCutter()
  for (const line of lines) {
    const cut = cutter.cut(Buffer.from(`${line}\n`))
    assert.equal(cut.length, 1, 'a field broke the line')
    for (const one of cut) log.read(one)
    const { counts } = reading
    const grew = (name: 'accepted' | 'skipped' | 'rejected') => counts[name] - before[name]
    assert.equal(grew('accepted') + grew('skipped') + grew('rejected'), 1, line)
    found.push(grew('accepted') === 1 ? 'read' : grew('skipped') === 1 ? 'skipped' : 'rejected')
    before = counts
    if (counts.lines % 1_000 === 0) reading.flush()
  }
  assert.equal(before.accepted + before.skipped + before.rejected, before.lines)
  return found
}

describe('the log reader, fuzzed', function () {
  this.timeout(3_600_000)

  for (const format of FUZZED_FORMATS)
    it(`reads ${format.name}: no text of a client decides what becomes of a line`, () => {
      const random = new SeededRandom(SEED)
      const perFormat = Math.ceil(LINES / FUZZED_FORMATS.length / 3)
      const seen = { read: 0, skipped: 0, rejected: 0 }
      for (let done = 0; done < perFormat; done += 500) {
        const requests = Array.from({ length: Math.min(500, perFormat - done) }, () => randomRequest(random))
        const plain = requests.map((request) => ({
          ...request,
          user: 'anna',
          referrer: 'https://r.example/',
          userAgent: 'Agent/1.0',
        }))
        const pathless = plain.map((request) => ({ ...request, path: '/plain' }))
        const write = (given: readonly LoggedRequest[]) =>
          outcomes(
            format.format,
            given.map((request) => writeLine(format, request)),
          )
        const [mutated, without, straight] = [write(requests), write(plain), write(pathless)]
        for (const [at, outcome] of mutated.entries()) {
          const request = requests[at]
          assert.equal(outcome, without[at], `${format.name}: ${JSON.stringify(request)}`)
          // Another path may make it an asset or an API call, and nothing else.
          if (straight[at] === 'rejected' || outcome === 'rejected')
            assert.equal(outcome, straight[at], JSON.stringify(request))
          seen[outcome]++
        }
      }
      assert.ok(seen.read > perFormat / 3 && seen.skipped > 0, JSON.stringify(seen))
      assert.ok(seen.rejected > 0, JSON.stringify(seen))
    })
})
