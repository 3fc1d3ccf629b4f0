import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { unseal } from '../../../workers/detector/seal.js'
import { flipBit, isTaken } from '../bit-flips.js'
import type { Row } from '../row.js'
import { slowGroup } from '../trials.js'
import { QUICK_EVENTS, VerifiedLog } from '../verified-log.js'

interface StoredState {
  readonly topic: string
  readonly partition: number
  /** Null for the head, which is a column of the checkpoint. */
  readonly piece: number | null
  readonly bytes: Buffer
}

export const row: Row = {
  id: 'A19',
  fault: 'one bit of stored state is flipped',
  invariant: 'it is refused, loudly; the partition does not move; with the bit put right it goes on to the same result',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const [flips, starts] = quick ? [1_000, 3] : [10_000, 20]
    const log = await VerifiedLog.open(quick ? QUICK_EVENTS : 60_000, seed)
    const random = new SeededRandom(seed)
    try {
      const states = await stateHalfWay(log)
      let undetected = 0
      for (let n = 0; n < flips; n++) {
        const { bytes } = random.pick(states as [StoredState, ...StoredState[]])
        if (isTaken(unseal, flipBit(bytes, random.whole(0, bytes.length * 8 - 1)))) undetected++
      }
      say(`${undetected} of ${flips} flips in ${states.length} stored states undetected`)
      const differences: string[] = []
      for (let n = 1; n <= starts; n++) {
        const found = await startOnDamage(log, random)
        differences.push(...found.map((line) => `start ${n}: ${line}`))
      }
      await log.stage.finish(log.stage.startDetector(slowGroup()), log.ends)
      differences.push(...(await log.differences()))
      return {
        held: undetected === 0 && differences.length === 0,
        figure: `${flips - undetected}/${flips} flips detected, ${starts} starts on damaged state refused, ${differences.length} differences once put right`,
        configuration: { records: log.records, states: states.length },
        differences,
      }
    } finally {
      await log.close()
    }
  },
}

/** On a busy machine a detector may be at the end before it is seen to be half way: then another one tries. */
async function stateHalfWay(log: VerifiedLog): Promise<StoredState[]> {
  for (let attempt = 1; ; attempt++) {
    await log.stage.freshDatabase()
    const detector = log.stage.startDetector(slowGroup())
    await log.passes(log.records / 8, [detector])
    await detector.kill()
    const states = await storedStates(log)
    if (states.length > 0) return states
    if (attempt === 10) throw new Error('no detector was stopped half way with state of its own')
  }
}

/** State of partitions that have records left to decide: others are not taken again. */
async function storedStates({ stage, ends }: VerifiedLog): Promise<StoredState[]> {
  const { rows } = await stage.db.query<StoredState & { readonly at: number }>(
    `SELECT c.topic, c.kafka_partition AS partition, NULL::float8 AS piece, c.head AS bytes, c.next_offset::float8 AS at
       FROM detector_checkpoints c WHERE c.head IS NOT NULL
      UNION ALL
     SELECT p.topic, p.kafka_partition, p.next_offset::float8, p.bytes, c.next_offset::float8
       FROM detector_state_pieces p JOIN detector_checkpoints c USING (topic, kafka_partition)
      ORDER BY 1, 2, 3`,
  )
  return rows.filter(({ topic, partition, at }) => at < (ends.get(`${topic}/${partition}`) ?? 0))
}

/** Flips a bit, lets a detector come upon it, and puts it right again. @returns what was not as it should be */
async function startOnDamage(log: VerifiedLog, random: SeededRandom): Promise<string[]> {
  const { stage } = log
  const states = await storedStates(log)
  const state = states[random.whole(0, states.length - 1)]
  if (!state) throw new Error('every partition is at its end: nothing would come upon the damage')
  const bit = random.whole(0, state.bytes.length * 8 - 1)
  const offsetOf = async (): Promise<number | undefined> =>
    (
      await stage.db.query<{ at: number }>(
        'SELECT c.next_offset::float8 AS at FROM detector_checkpoints c WHERE c.topic = $1 AND c.kafka_partition = $2',
        [state.topic, state.partition],
      )
    ).rows[0]?.at
  const before = await offsetOf()
  await store(log, state, flipBit(state.bytes, bit))
  const detector = stage.startDetector(slowGroup())
  const code = await Promise.race([detector.exited, sleep(30_000)])
  const where = `${state.topic}/${state.partition}, ${state.piece === null ? 'head' : `piece ${state.piece}`}, bit ${bit}`
  const found: string[] = []
  if (code !== 1) found.push(`${where}: it ended with ${String(code)}, not with code 1`)
  if (detector.says('GRD_SNAPSHOT_REFUSED') === 0) found.push(`${where}: it does not say what is wrong`)
  if (detector.isRunning) await detector.kill()
  if ((await offsetOf()) !== before) found.push(`${where}: the partition moved on`)
  await store(log, state, state.bytes)
  return found
}

async function store({ stage }: VerifiedLog, { topic, partition, piece }: StoredState, bytes: Buffer): Promise<void> {
  if (piece === null)
    await stage.db.query('UPDATE detector_checkpoints SET head = $3 WHERE topic = $1 AND kafka_partition = $2', [
      ...[topic, partition],
      bytes,
    ])
  else
    await stage.db.query(
      'UPDATE detector_state_pieces SET bytes = $4 WHERE topic = $1 AND kafka_partition = $2 AND next_offset = $3',
      [topic, partition, piece, bytes],
    )
}
