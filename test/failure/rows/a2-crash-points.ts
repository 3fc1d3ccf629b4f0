import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { crashWhen, patchedCopy, type Patch } from '../patched-copy.js'
import type { Row } from '../row.js'
import { crashTrial } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

interface CrashPoint {
  readonly name: string
  readonly file: string
  /** The crash comes just before this text of the compiled product. */
  readonly before: string
  /** It is reached at least so often before the log is at its end. */
  readonly times: number
  /** It counts once the process has been told to stop, which it then is on its way. */
  readonly isWhenStopping?: true
}

const TRANSACTION = 'db/with-transaction.js'
const CHECKPOINTS = 'db/stores/checkpoints.js'
/** What a detector does first when it is told to stop. */
const STOPPING = { file: 'workers/partitions/partition-runtime.js', before: 'this.#isStopping = true;' }

const POINTS: readonly CrashPoint[] = [
  { name: 'before BEGIN', file: TRANSACTION, before: "await connection.query('BEGIN');", times: 24 },
  { name: 'after the offset', file: CHECKPOINTS, before: 'await upsertAnomalies(tx, write.anomalies);', times: 24 },
  { name: 'after the anomalies', file: CHECKPOINTS, before: 'await storePiece(tx, write, watermark);', times: 24 },
  { name: 'after the state', file: CHECKPOINTS, before: 'if (write.ruleChange)', times: 24 },
  { name: 'before COMMIT', file: TRANSACTION, before: 'await commit(connection);', times: 24 },
  { name: 'after COMMIT, before it is known', file: TRANSACTION, before: 'return result;', times: 24 },
  {
    name: 'while state is packed',
    file: 'workers/detector/checkpointer.js',
    before: 'const piece = taken &&',
    times: 24,
  },
  {
    name: 'after taking a partition',
    file: 'workers/detector/take-over.js',
    before: 'const detector = taken.head',
    times: 4,
  },
  { name: 'in a rebalance', file: 'platform/kafka/consumer.js', before: 'handlers.onAssigned(', times: 1 },
  { name: 'on SIGTERM', ...STOPPING, times: 1, isWhenStopping: true },
  {
    name: 'on SIGTERM, before a last COMMIT',
    file: TRANSACTION,
    before: 'await commit(connection);',
    times: 1,
    isWhenStopping: true,
  },
]

function patchesOf({ file, before, isWhenStopping }: CrashPoint): Patch[] {
  if (!isWhenStopping || file === STOPPING.file) return [{ file, from: before, to: crashWhen() + before }]
  return [
    { file: STOPPING.file, from: STOPPING.before, to: `globalThis.isStopping = true; ${STOPPING.before}` },
    { file, from: before, to: crashWhen('globalThis.isStopping') + before },
  ]
}

export const row: Row = {
  id: 'A2',
  fault: 'the process crashes at chosen points of checkpoint, take-over and rebalance',
  invariant: 'as A1',
  quick: true,
  patches: POINTS.flatMap(patchesOf),
  run: async ({ quick, seed, say }) => {
    const trials = quick ? 1 : 20
    const log = await VerifiedLog.open(QUICK_EVENTS, seed)
    try {
      const differences: string[] = []
      let same = 0
      for (const [index, point] of POINTS.entries()) {
        const { name, times, isWhenStopping } = point
        const copy = patchedCopy(patchesOf(point))
        try {
          for (let trial = 1; trial <= trials; trial++) {
            const random = new SeededRandom(seed, index, trial)
            const after = random.whole(1, times)
            const storedAt = await crashTrial(log, after, copy.root, isWhenStopping && random)
            say(`${name}, time ${after}: ${storedAt} records were stored`)
            const found = await log.differences()
            if (found.length === 0) same++
            differences.push(...found.map((line) => `${name}, time ${after}: ${line}`))
          }
        } finally {
          copy.remove()
        }
      }
      const total = POINTS.length * trials
      return {
        held: same === total,
        figure: `${POINTS.length} points × ${trials} = ${same}/${total} identical to the oracle`,
        configuration: { records: log.records, points: POINTS.map(({ name }) => name).join('; ') },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}
