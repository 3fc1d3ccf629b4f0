import assert from 'node:assert/strict'
import { REPLAY_ID_HEADER } from '../../../domain/dead-letters/replay.js'
import { TOPICS } from '../../../domain/events.js'
import { PlatformError } from '../../../platform/platform-error.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../../schemas/avro-schemas.js'
import { EventDecoder } from '../../../workers/detector/event-decoder.js'
import { PartitionSchemas, schemaRecords } from '../../../workers/partition-schemas.js'

const NAME = { topic: TOPICS.clicks, partition: 0 }
const SCHEMA = AVRO_SCHEMAS[TOPICS.clicks] ?? ''

/** A registry, the table that detector and archiver share, and a clock. */
class World {
  nowMs = 0
  readonly schemas = new Map<number, string>([[1, SCHEMA]])
  asked = 0
  readonly #table = new Map<number, { refusedTo: number; readFrom?: number }>()

  readonly readings = {
    read: (_: unknown, ids: readonly number[]) =>
      Promise.resolve(
        new Map(
          ids.map((id) => {
            const row = this.#row(id)
            row.readFrom ??= row.refusedTo
            return [id, row.readFrom] as const
          }),
        ),
      ),
    refuse: (_: unknown, ids: readonly number[], toOffset: number) =>
      Promise.resolve(
        new Map(
          ids.flatMap((id) => {
            const row = this.#row(id)
            if (row.readFrom !== undefined) return []
            row.refusedTo = Math.max(row.refusedTo, toOffset)
            return [[id, row.refusedTo] as const]
          }),
        ),
      ),
  }

  #row(id: number) {
    const row = this.#table.get(id) ?? { refusedTo: 0 }
    this.#table.set(id, row)
    return row
  }

  process(waitMs = 0): PartitionSchemas {
    const decoder = new EventDecoder(OBSERVED_EVENT_SCHEMA('Click'), {
      schemaById: (id) => {
        this.asked++
        const schema = this.schemas.get(id)
        return schema ? Promise.resolve(schema) : Promise.reject(new PlatformError('SCHEMA_UNKNOWN', 'no'))
      },
      maxRecordBytes: 1_000,
      recheckMs: 10_000,
      nowMs: () => this.nowMs,
    })
    return new PartitionSchemas(NAME, decoder, this.readings, { waitMs }, () => this.nowMs)
  }
}

const framed = (id: number): Buffer => Buffer.from([0, 0, 0, 0, id, 1])
const of = (...ids: number[]) => schemaRecords(ids.map((id) => ({ value: framed(id) })))
const replayed = (id: number) => schemaRecords([{ value: framed(id), headers: { [REPLAY_ID_HEADER]: 'r' } }])

describe('PartitionSchemas', () => {
  it('asks about an id once, and never about records without one', async () => {
    const world = new World()
    const schemas = world.process()
    assert.equal(await schemas.settle(of(1, 1, 1), 0, 3), 3)
    assert.equal(
      await schemas.settle(schemaRecords([{ value: null }, { value: Buffer.alloc(2) }, { value: framed(1) }]), 3, 6),
      3,
    )
    assert.equal(world.asked, 1)
    assert.equal(schemas.refusesAny, false)
  })

  it('waits for an unknown id for a bounded time, and lets the records before it through', async () => {
    const world = new World()
    const schemas = world.process(2_000)
    assert.equal(await schemas.settle(of(1, 1, 9, 1), 0, 4), 2)
    world.nowMs = 1_000
    world.schemas.set(9, SCHEMA)
    assert.equal(await schemas.settle(of(9, 1), 2, 4), 2, 'it has come meanwhile')
    assert.equal(schemas.refuses(9, 2), false)
    assert.equal(await schemas.settle(of(8), 4, 5), 0)
    world.nowMs = 3_000
    assert.equal(await schemas.settle(of(8), 4, 5), 1, 'it has waited long enough')
    assert.equal(schemas.refuses(8, 4), true)
  })

  it('is not stopped by a flood of made-up ids', async () => {
    const world = new World()
    const schemas = world.process(2_000)
    let heldMs = 0
    for (let id = 10; id < 200; world.nowMs += 250) {
      const isHeld = (await schemas.settle(of(id), id, id + 1)) === 0
      if (isHeld) heldMs += 250
      else id++
    }
    assert.ok(heldMs <= 4_000, `held for ${heldMs} of ${world.nowMs} ms`)
  })

  it('decides about each record once, whichever process asks, and when', async () => {
    const world = new World()
    const [early, late] = [world.process(), world.process()]
    await early.settle(of(9), 5, 7)
    world.schemas.set(9, SCHEMA)
    assert.equal(await late.settle(of(9), 5, 12), 1)
    assert.equal(late.refuses(9, 6), true, 'the other one has refused it')
    assert.equal(late.refuses(9, 7), false)
    world.nowMs = 10_000
    await early.settle(of(9), 7, 9)
    assert.equal(early.refuses(9, 7), false)
    const afterRestart = world.process()
    await afterRestart.settle(of(9), 5, 6)
    assert.equal(afterRestart.refuses(9, 5), true)
  })

  it('does not refuse what the other process reads, and asks the registry again', async () => {
    const world = new World()
    const [early, late] = [world.process(), world.process()]
    await early.settle(of(9), 0, 1)
    world.schemas.set(9, SCHEMA)
    await late.settle(of(9), 0, 3)
    assert.equal(late.refuses(9, 0), true)
    world.nowMs = 100
    assert.equal(await early.settle(of(9), 1, 2), 0, 'its own answer is older')
    world.nowMs = 700
    assert.equal(await early.settle(of(9), 1, 2), 1)
    assert.equal(early.refuses(9, 1), false)
  })

  it('does not wait for ever for a schema that was deleted after the other process had read it', async () => {
    const world = new World()
    world.schemas.set(9, SCHEMA)
    await world.process().settle(of(9), 0, 1)
    world.schemas.delete(9)
    const schemas = world.process()
    for (; (await schemas.settle(of(9), 0, 1)) === 0; world.nowMs += 250) assert.ok(world.nowMs < 60_000)
  })

  it('asks again at once for a record that was sent back', async () => {
    const world = new World()
    const schemas = world.process()
    await schemas.settle(of(9), 0, 1)
    world.schemas.set(9, SCHEMA)
    world.nowMs = 1_000
    await schemas.settle(of(9), 1, 2)
    assert.equal(schemas.refuses(9, 1), true, 'the answer is young enough for any other record')
    await schemas.settle(replayed(9), 2, 3)
    assert.equal(schemas.refuses(9, 2), false)
  })
})
