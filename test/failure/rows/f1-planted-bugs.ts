import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { messageOf } from '../../../platform/message-of.js'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { undetectedFlips, type Sealing } from '../bit-flips.js'
import { crashWhen, patchedCopy, type Patch } from '../patched-copy.js'
import { publishDay, PUBLISHING_CRASHES, PUBLISHING_STEPS, readDay } from '../published-day.js'
import type { Row } from '../row.js'
import { suiteOnCopy } from '../suite-on-copy.js'
import { crashTrial, frozenTrial, killedTrial, plainTrial } from '../trials.js'
import { SLOWLY, VerifiedLog } from '../verified-log.js'

/** A bug, and the check that has to notice it. */
interface PlantedBug {
  readonly name: string
  readonly patches: readonly Patch[]
  /** @returns what the check noticed */
  readonly check: (log: VerifiedLog, root: string, random: SeededRandom) => Promise<readonly string[]>
}

/** Where a fault comes in time is chance: one that came where the bug does no harm is made again. */
const FAULT_TRIALS = 5

const untilNoticed = async (trial: () => Promise<readonly string[]>): Promise<readonly string[]> => {
  for (let made = 1; made <= FAULT_TRIALS; made++) {
    const noticed = await trial()
    if (noticed.length > 0) return noticed
  }
  return []
}

const plain: PlantedBug['check'] = async (log, root) => {
  await plainTrial(log, 1, {}, root)
  return log.differences()
}

const frozen: PlantedBug['check'] = (log, root, random) =>
  untilNoticed(async () => {
    // One that was frozen in the middle of a commit finds its connection gone, and asks for the epoch before it tries again.
    const { overwritten } = await frozenTrial(log, random, root)
    return [...(await log.differences()), ...overwritten]
  })

const killed: PlantedBug['check'] = (log, root, random) =>
  untilNoticed(async () => {
    await killedTrial(log, random, 3, root)
    return log.differences()
  })

const crashed: PlantedBug['check'] = async (log, root) => {
  await crashTrial(log, 1, root)
  return log.differences()
}

const flipped: PlantedBug['check'] = async (_log, root, random) => {
  const sealing = (await import(pathToFileURL(join(root, 'dist/workers/detector/seal.js')).href)) as Sealing
  const undetected = undetectedFlips(sealing, random, 1_000)
  return undetected > 0 ? [`${undetected} bit flips undetected`] : []
}

/** Killed in the middle of the second publication: the first one has to be there, whole. */
const published: PlantedBug['check'] = async ({ stage }, root) => {
  await stage.freshDatabase()
  if ((await publishDay(stage, root, 1, 0)) !== 0) throw new Error('a day could not be published at all')
  if ((await publishDay(stage, root, 2, Math.floor(PUBLISHING_STEPS / 2))) !== null)
    throw new Error('the publication was not killed on its way')
  const { whole, version } = await readDay(stage.db)
  return whole && version === 1 ? [] : [`the day is ${whole ? 'whole' : 'torn'}, of version ${version}`]
}

/** The first one looks at the side topics, which keep what the runs after it write. */
const BUGS: readonly PlantedBug[] = [
  {
    name: 'no dead letter for one kind of error',
    patches: [
      {
        file: 'workers/detector/partition-owner.js',
        from: 'sideRecords.push(deadLetter(',
        to: "if (reason.code !== 'INVALID') sideRecords.push(deadLetter(",
      },
    ],
    check: async (log, root) => {
      await plainTrial(log, 1, {}, root)
      return log.sideDifferences()
    },
  },
  {
    name: 'no compare-and-swap',
    patches: [
      {
        file: 'db/stores/checkpoints.js',
        from: 'c.owner_epoch = $3 AND c.next_offset = $4`;',
        to: '$3::bigint IS NOT NULL AND $4::bigint IS NOT NULL`;',
      },
    ],
    check: frozen,
  },
  {
    name: 'no dedup',
    patches: [{ file: 'domain/detection/partition-detector.js', from: 'if (seen !== NEW)', to: 'if (false)' }],
    check: plain,
  },
  {
    name: 'a future time moves the watermark',
    patches: [
      {
        file: 'domain/windowing/watermark.js',
        from: '(eventMs < appendMs ? eventMs : appendMs)',
        to: 'eventMs',
      },
    ],
    check: plain,
  },
  {
    name: 'the allowed lateness is forgotten',
    patches: [
      { file: 'domain/windowing/watermark.js', from: ': appendMs) - this.#allowedLatenessMs', to: ': appendMs)' },
    ],
    check: plain,
  },
  {
    name: 'a partition that lags is taken for idle: the one that is furthest closes its windows',
    patches: [
      {
        file: 'domain/detection/partition-detector.js',
        from: '    countDead(',
        to:
          '    idle(ms, offset) { const toMs = ms + this.#policy.allowedLatenessMs; ' +
          'if (this.#watermark.accept(toMs, toMs)) this.#close(offset); }\n    countDead(',
      },
      {
        file: 'workers/detector/detector-worker.js',
        from: 'this.#give(owner, owner.rowsOf(owner.detector.takeUpdates()));',
        to:
          '{ owner.detector.idle(Math.max(...this.partitions.owners.map((other) => other.detector.watermarkMs)), owner.nextOffset); ' +
          'this.#give(owner, owner.rowsOf([...owner.detector.takeChanges(), ...owner.detector.takeUpdates()])); }',
      },
    ],
    check: async (log, root) => {
      await plainTrial(log, 1, { ...SLOWLY, OPEN_ROW_REWRITE_MS: '10' }, root)
      return log.differences()
    },
  },
  {
    name: 'the offset is committed before the results',
    patches: [
      {
        file: 'workers/detector/checkpointer.js',
        from: 'await commitCheckpoint(this.#db, write);',
        to:
          'await commitCheckpoint(this.#db, { ...write, anomalies: [] }); ' +
          crashWhen("write.anomalies.some(({ anomaly }) => anomaly.status !== 'open')") +
          "await (await import('../../db/stores/anomaly-rows.js')).upsertAnomalies(this.#db, write.anomalies);",
      },
      // The fast way to the database would hide it.
      { file: 'workers/detector/anomaly-writer.js', from: 'await upsertAnomalies(this.#db, rows);', to: '' },
    ],
    check: crashed,
  },
  {
    name: 'restored state has no event ids',
    patches: [
      {
        file: 'domain/detection/snapshot/piece.js',
        from: 'ids.restore(bits, texts, watermarkMs)',
        to: 'void [bits, texts]',
      },
    ],
    check: killed,
  },
  {
    name: 'no checksum over stored state',
    patches: [{ file: 'workers/detector/seal.js', from: 'if (expected !== sealed.readUInt32BE(1))', to: 'if (false)' }],
    check: flipped,
  },
  {
    name: 'figures are published without a transaction',
    patches: [
      ...PUBLISHING_CRASHES,
      { file: 'db/with-transaction.js', from: "await connection.query('BEGIN');", to: '' },
    ],
    check: published,
  },
  {
    name: 'no look at the role on one route',
    patches: [
      {
        file: 'api/middleware/guard.js',
        from: 'if (!mayDo(principal.role, operation.access))',
        to: "if (operation.path !== '/silences' && !mayDo(principal.role, operation.access))",
      },
    ],
    check: async (_log, root) =>
      (await suiteOnCopy(root, 'integration/api/access-matrix.test.js')).filter((line) => line.includes('/silences')),
  },
]

export const row: Row = {
  id: 'F1',
  fault: 'bugs planted in a copy of the compiled product, one at a time',
  invariant: 'the matching check notices each; on the product itself it notices nothing',
  quick: true,
  patches: BUGS.flatMap(({ patches }) => patches),
  run: async ({ seed, say }) => {
    // The live part has clients whose clocks are minutes fast.
    const log = await VerifiedLog.open(30_000, seed, 6)
    try {
      const differences: string[] = []
      let caught = 0
      for (const { name, patches, check } of BUGS) {
        const copy = patchedCopy(patches)
        let noticed: readonly string[] = []
        try {
          noticed = await check(log, copy.root, new SeededRandom(seed))
        } catch (error) {
          // A check that could not be made has noticed nothing: its fault may have come too late.
          differences.push(`${name}: ${messageOf(error)}`)
        } finally {
          copy.remove()
        }
        if (noticed.length > 0) caught++
        else differences.push(`not caught: ${name}`)
        say(
          `${name}: ${noticed.length > 0 ? `caught (${noticed.length}), ${noticed[0]?.slice(0, 120)}` : 'NOT CAUGHT'}`,
        )
      }
      await plainTrial(log)
      const itself = await log.differences() // the side topics keep what the bugs wrote: A0 looks at them
      differences.push(...itself)
      return {
        held: caught === BUGS.length && itself.length === 0,
        figure: `${caught}/${BUGS.length} caught, ${itself.length} differences without a bug`,
        configuration: { records: log.records, bugs: BUGS.map(({ name }) => name).join('; ') },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}
