import assert from 'node:assert/strict'
import { GuardianError } from '../../../../domain/errors.js'
import type { PartitionName } from '../../../../db/stores/partition-name.js'
import type { Fetched } from '../../../../platform/kafka/consumer.js'
import { createLogger } from '../../../../platform/logger.js'
import { PartitionRuntime, type OwnedPartition } from '../../../../workers/partitions/partition-runtime.js'

interface TestOwner extends OwnedPartition {
  nextOffset: number
  committedOffset: number
  highWatermark: number
}

/** A promise that the test settles. */
function gate(): {
  readonly opened: Promise<void>
  readonly open: () => void
  readonly fail: (error: unknown) => void
} {
  let open = (): void => undefined
  let fail: (error: unknown) => void = () => undefined
  const opened = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  return { opened, open, fail }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const CLICKS = { topic: 'clicks', partition: 0 }

/** The runtime over a log and a store that are only what the test says, with timers that only the test runs. */
class Stage {
  readonly calls: string[] = []
  readonly timers: (() => void)[] = []
  readonly released: TestOwner[] = []
  fatal: unknown
  acquire: (owner: TestOwner) => Promise<void> = () => Promise.resolve()
  commit: (owner: TestOwner) => Promise<void> = () => Promise.resolve()
  stored = 0
  epochs = 0
  readonly runtime = new PartitionRuntime<TestOwner>(
    {
      consumer: {
        seek: (_topic, partition, offset) => this.calls.push(`seek ${partition}@${offset}`),
        pause: (_topic, partition) => this.calls.push(`pause ${partition}`),
        resume: (_topic, partition) => this.calls.push(`resume ${partition}`),
        commit: (_topic, partition, offset) => {
          this.calls.push(`group ${partition}@${offset}`)
          return Promise.resolve()
        },
      },
      log: createLogger('test', 'silent'),
      metrics: { fenced: () => this.calls.push('fenced'), held: (reason) => this.calls.push(`held ${reason}`) },
      onFatal: (cause) => (this.fatal = cause),
      after: (_ms, then) => {
        this.timers.push(then)
        return () => undefined
      },
    },
    {
      acquire: async (name) => {
        const owner = this.#owner(name)
        await this.acquire(owner)
        return owner
      },
      commit: async (owner) => {
        const upTo = owner.nextOffset
        await this.commit(owner)
        owner.committedOffset = this.stored = upTo
      },
      release: async (owner, committed) => {
        await committed
        this.released.push(owner)
      },
    },
  )

  #owner({ topic, partition }: PartitionName): TestOwner {
    const next = this.stored
    return {
      ...{ topic, partition, name: `${topic}/${partition}`, epoch: ++this.epochs, isLost: false, highWatermark: 0 },
      ...{ nextOffset: next, committedOffset: next },
      get hasNews() {
        return this.nextOffset > this.committedOffset
      },
    }
  }

  assign(...partitions: number[]): void {
    this.runtime.onAssigned(new Map([['clicks', partitions]]))
  }

  /** Fetches [from, to) and processes all of it. @returns whether it was processed */
  async fetch(from: number, to: number, highWatermark = to): Promise<boolean> {
    let isProcessed = false
    const fetched: Fetched = { ...CLICKS, fetchedOffset: from, nextOffset: to, highWatermark, lastAppendMs: 0 }
    await this.runtime.onFetch(fetched, (owner) => {
      owner.nextOffset = to
      owner.highWatermark = highWatermark
      isProcessed = true
      return Promise.resolve()
    })
    return isProcessed
  }

  get owner(): TestOwner {
    const [owner] = this.runtime.owners
    assert.ok(owner)
    return owner
  }
}

describe('PartitionRuntime', () => {
  let stage: Stage
  beforeEach(() => {
    stage = new Stage()
    stage.assign(0)
  })

  it('acquires a partition on its first fetch, and rewinds to its checkpoint', async () => {
    stage.stored = 7
    assert.deepEqual(stage.runtime.unowned, [CLICKS])
    assert.equal(await stage.fetch(0, 10), false)
    assert.deepEqual([stage.calls, stage.runtime.stateOf(CLICKS)], [['seek 0@7'], 'owned'])
    assert.equal(await stage.fetch(7, 10), true)
    assert.deepEqual([stage.owner.epoch, stage.runtime.unowned], [1, []])
  })

  it('does not acquire a partition that is not assigned any more: that would fence its new owner', async () => {
    stage.assign(1)
    assert.equal(await stage.fetch(0, 10), false)
    assert.equal(stage.epochs, 0)
  })

  it('does not keep a partition that was revoked while it was acquired', async () => {
    const { opened, open } = gate()
    stage.acquire = () => opened
    const fetched = stage.fetch(0, 10)
    await settled()
    assert.equal(stage.runtime.stateOf(CLICKS), 'acquiring')
    stage.assign()
    open()
    assert.equal(await fetched, false)
    assert.deepEqual([stage.runtime.owners, stage.runtime.stateOf(CLICKS)], [[], 'unowned'])
    await settled()
    assert.deepEqual(
      stage.released.map(({ isLost }) => isLost),
      [true],
    )
  })

  it('acquires once when a fetch comes while the partition is adopted', async () => {
    const { opened, open } = gate()
    stage.acquire = () => opened
    const adopted = stage.runtime.adopt(CLICKS)
    const fetched = stage.fetch(0, 10)
    open()
    await adopted
    assert.deepEqual([await fetched, stage.epochs], [true, 1])
  })

  it('acquires once when it is adopted in the moment in which a fetch has found it unowned', async () => {
    const fetched = stage.fetch(0, 10)
    const adopted = stage.runtime.adopt(CLICKS)
    await adopted
    assert.deepEqual([await fetched, stage.epochs, stage.runtime.owners.length], [true, 1, 1])
  })

  it('waits at its stop for what is being acquired, and releases it', async () => {
    const { opened, open } = gate()
    stage.acquire = () => opened
    const fetched = stage.fetch(0, 10)
    await settled()
    const stopped = stage.runtime.stop()
    await settled()
    open()
    await stopped
    assert.deepEqual([stage.released.length, await fetched], [1, false])
  })

  it('releases what is revoked, after the commit that is under way', async () => {
    await stage.fetch(0, 10)
    const { owner } = stage
    const { opened, open } = gate()
    stage.commit = () => opened
    const committed = stage.runtime.commit(owner)
    assert.equal(stage.runtime.stateOf(CLICKS), 'committing')
    stage.assign()
    await settled()
    assert.deepEqual([owner.isLost, stage.released.length], [true, 0])
    open()
    await committed
    await settled()
    assert.equal(stage.released.length, 1)
  })

  it('joins a commit that is under way; the last one has what was processed meanwhile', async () => {
    await stage.fetch(0, 10)
    const { opened, open } = gate()
    let commits = 0
    stage.commit = () => (++commits === 1 ? opened : Promise.resolve())
    const first = stage.runtime.commit(stage.owner)
    await stage.fetch(10, 20)
    const { owner } = stage
    const stopped = stage.runtime.stop()
    open()
    await Promise.all([first, stopped])
    assert.deepEqual([owner.committedOffset, commits, stage.released.length], [20, 2, 1])
    assert.equal(await stage.fetch(20, 30), false)
  })

  it('commits before partitions are revoked, and waits no longer than its time', async () => {
    await stage.fetch(0, 10)
    await stage.runtime.onRebalancing()
    assert.equal(stage.owner.committedOffset, 10)
    await stage.fetch(10, 20)
    stage.commit = () => new Promise(() => undefined)
    const rebalancing = stage.runtime.onRebalancing()
    stage.timers.at(-1)?.()
    await rebalancing
  })

  it('releases a partition whose commit is fenced, and acquires it again on its next fetch', async () => {
    await stage.fetch(0, 10)
    stage.commit = () => Promise.reject(new GuardianError('GRD_FENCED', 'another owner'))
    await stage.runtime.commit(stage.owner)
    assert.deepEqual([stage.calls, stage.runtime.stateOf(CLICKS)], [['fenced', 'seek 0@0'], 'unowned'])
    stage.commit = () => Promise.resolve()
    assert.equal(await stage.fetch(0, 10), true)
    assert.deepEqual([stage.owner.epoch, stage.fatal], [2, undefined])
  })

  it('ends the process on any other failure of a commit', async () => {
    await stage.fetch(0, 10)
    const cause = new Error('disk')
    stage.commit = () => Promise.reject(cause)
    await stage.runtime.commit(stage.owner)
    assert.equal(stage.fatal, cause)
  })

  it('acquires again when the log is shorter than it was, or begins beyond the owner', async () => {
    await stage.fetch(0, 10, 100)
    await stage.fetch(10, 12, 12)
    assert.equal(stage.epochs, 2)
    await stage.fetch(40, 50, 50)
    assert.equal(stage.epochs, 3)
  })

  it('acquires again when the log ends before its owner, of which nothing was fetched yet', async () => {
    stage.stored = 130
    await stage.fetch(0, 1, 200)
    await stage.fetch(0, 1, 1)
    assert.equal(stage.epochs, 2)
  })

  it('has a fetch come again when a server is away, from where the owner is', async () => {
    const away = new GuardianError('GRD_STORE_UNAVAILABLE', 'no connection')
    stage.acquire = () => Promise.reject(away)
    assert.equal(await stage.fetch(5, 10), false)
    assert.deepEqual(stage.calls, ['held outage', 'pause 0', 'seek 0@5'])
    assert.equal(stage.runtime.stateOf(CLICKS), 'unowned')
    stage.timers.at(-1)?.()
    assert.equal(stage.calls.at(-1), 'resume 0')
    for (const code of ['GRD_COMMIT_UNKNOWN', 'GRD_FENCED'] as const) {
      stage.acquire = () => Promise.reject(new GuardianError(code, 'x'))
      assert.equal(await stage.fetch(5, 10), false)
    }
    stage.acquire = () => Promise.reject(new GuardianError('GRD_DATA_GAP', 'another log'))
    await assert.rejects(stage.fetch(5, 10), { code: 'GRD_DATA_GAP' })
  })

  it('seeks a partition that delivers nothing only while nobody owns it', async () => {
    stage.runtime.wake(CLICKS, 3)
    await stage.fetch(0, 10)
    stage.runtime.wake(CLICKS, 3)
    assert.deepEqual(stage.calls, ['seek 0@3'])
  })
})
