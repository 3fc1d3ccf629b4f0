import { pino } from 'pino'
import { GuardianError } from '../../domain/errors.js'
import { PRODUCT, type Code } from './code.js'
import { Member, type Shared } from './member.js'
import { Scheduler } from './scheduler.js'
import { SimulatedLog, SimulatedStore } from './world.js'

const PARTITIONS = 3
const FAULTY_MS = 2_000
const DRAIN_MS = 60_000
const SESSION_MS = 200
const SHORT_LOG = 10

export interface SimulationResult {
  readonly violations: readonly string[]
  readonly timeline: readonly string[]
}

/** A group of processes over a simulated log and store, first with faults, then without, until all is stored. */
class Simulation {
  readonly scheduler: Scheduler
  readonly #shared: Shared
  readonly #members: Member[] = []
  readonly #violations: string[] = []
  /** By partition and log, where it ended for good when it was recreated. */
  readonly #ends = new Map<string, number>()
  #named = 0
  #isFaulty = true
  #isJoining = false

  constructor(seed: number, code: Code) {
    this.scheduler = new Scheduler(seed)
    this.#shared = {
      code,
      scheduler: this.scheduler,
      logs: Array.from({ length: PARTITIONS }, () => new SimulatedLog()),
      store: new SimulatedStore(this.scheduler, PARTITIONS),
      groupOffsets: new Map(),
      log: pino({ level: 'silent' }),
    }
  }

  async run(): Promise<SimulationResult> {
    const { scheduler } = this
    const { random } = scheduler
    const { store, logs } = this.#shared
    store.faults = { refused: random.fraction() * 0.1, lost: random.fraction() * 0.1, slowMs: random.whole(0, 60) }
    this.#start()
    if (random.chance(0.8)) this.#start()
    this.#every(20, () => this.#produce())
    this.#every(15, () => this.#members.forEach((member) => member.poll()))
    this.#every(random.whole(50, 400), () => this.#fault())
    this.#every(25, () => this.#check())
    await scheduler.run(FAULTY_MS, () => false)
    this.#isFaulty = false
    // Nobody can notice that an empty log is another one.
    for (const [partition, log] of logs.entries()) log.append(partition)
    store.faults = { refused: 0, lost: 0, slowMs: 0 }
    for (const member of this.#members) member.thaw()
    if (!this.#members.some(({ isAlive }) => isAlive)) this.#start()
    this.#rebalance()
    this.#every(50, () => this.#settle())
    const isDrained = () =>
      logs.every(
        (log, at) => store.partitions[at]?.nextOffset === log.high && store.partitions[at].log === log.generation,
      )
    if (!(await scheduler.run(FAULTY_MS + DRAIN_MS, isDrained)))
      this.#violations.push('not all is stored a minute after the last fault')
    this.#compare()
    return { violations: [...this.#violations, ...store.violations], timeline: scheduler.timeline }
  }

  /** What timers of the workers do: checkpoints, and partitions that deliver nothing although they are behind are woken. */
  #settle(): void {
    const { logs, store } = this.#shared
    for (const { runtime } of this.#members) {
      for (const owner of runtime.owners) void runtime.commit(owner)
      for (const name of runtime.unowned) {
        const { nextOffset } = store.of(name)
        if ((logs[name.partition]?.high ?? 0) > nextOffset) runtime.wake(name, nextOffset)
      }
    }
  }

  #every(ms: number, work: () => void): void {
    this.scheduler.after(ms, () => {
      work()
      this.#every(ms, work)
    })
  }

  #start(): void {
    const name = `p${++this.#named}`
    const member = new Member(name, this.#shared, (cause) => this.#crashed(name, cause))
    this.#members.push(member)
    this.#rebalance()
  }

  #crashed(name: string, cause: unknown): void {
    this.scheduler.say(`${name} ends: ${cause instanceof Error ? cause.message : 'killed'}`)
    if (cause instanceof GuardianError && cause.code === 'GRD_DATA_GAP') this.#newLogs()
    else if (cause instanceof Error) this.#violations.push(`${name} ended: ${cause.message}`)
    this.scheduler.after(SESSION_MS, () => this.#start())
  }

  /** What an operator does with `guardian new-log`. */
  #newLogs(): void {
    const { logs, store } = this.#shared
    const recreated = store.partitions.filter((stored, at) => stored.log !== logs[at]?.generation)
    for (const [at, stored] of store.partitions.entries())
      if (recreated.includes(stored)) {
        this.#ends.set(`${at}/${stored.log}`, stored.nextOffset)
        stored.log = logs[at]?.generation ?? 0
        stored.nextOffset = 0
        stored.epoch++
        this.#shared.groupOffsets.delete(at)
      }
  }

  #produce(): void {
    if (!this.#isFaulty) return
    const { random } = this.scheduler
    for (const [partition, log] of this.#shared.logs.entries())
      if (random.chance(0.6))
        for (let i = random.whole(1, 5); i > 0 && this.#mayGrow(partition); i--) log.append(partition)
  }

  /** A log that was recreated stays shorter than what was read until somebody has refused it: see `#mayRecreate`. */
  #mayGrow(partition: number): boolean {
    const { logs, store } = this.#shared
    const log = logs[partition]
    return log !== undefined && (log.high < SHORT_LOG || store.partitions[partition]?.log === log.generation)
  }

  #fault(): void {
    if (!this.#isFaulty) return
    const { random } = this.scheduler
    const { logs } = this.#shared
    const member = this.#members[random.whole(0, this.#members.length - 1)]
    const partition = random.whole(0, PARTITIONS - 1)
    const log = logs[partition]
    const kind = random.whole(0, 9)
    if (kind < 3) this.#rebalance()
    else if (kind < 4 && this.#members.length < 4) this.#start()
    else if (kind < 5 && member?.isAlive === true) {
      member.crash(undefined)
      this.#rebalance()
    } else if (kind < 6 && member?.isAlive === true && !member.isFrozen) this.#freeze(member)
    else if (kind < 7) log?.deleteBefore(log.low + random.whole(0, log.high - log.low))
    else if (kind < 8 && member?.isAlive === true && !member.isFrozen) void this.#stop(member)
    else if (kind < 9 && log !== undefined && this.#mayRecreate(partition)) {
      this.scheduler.say(`topic of partition ${partition} is recreated`)
      log.recreate()
    }
  }

  /** Only where it can be noticed: a checkpoint at offset 0 stands on any log, and a running process knows no log by its name. */
  #mayRecreate(partition: number): boolean {
    const { logs, store } = this.#shared
    const stored = store.partitions[partition]
    return (
      (logs[partition]?.high ?? 0) > 60 &&
      (stored?.nextOffset ?? 0) > 2 * SHORT_LOG &&
      stored?.log === logs[partition]?.generation
    )
  }

  #freeze(member: Member): void {
    this.scheduler.say(`${member.name} freezes`)
    member.freeze()
    this.scheduler.after(SESSION_MS, () => this.#rebalance())
    this.scheduler.after(this.scheduler.random.whole(50, 3 * SESSION_MS), () => {
      if (member.isFrozen) this.scheduler.say(`${member.name} thaws`)
      member.thaw()
      this.#rebalance()
    })
  }

  async #stop(member: Member): Promise<void> {
    this.scheduler.say(`${member.name} stops`)
    const { owners } = member.runtime
    await member.runtime.stop()
    for (const owner of owners) {
      const { epoch } = this.#shared.store.of(owner)
      if (member.isAlive && !member.isFrozen && owner.epoch === epoch && owner.pending.length > 0)
        this.#violations.push(
          `${member.name} stopped and left ${owner.pending.length} records of partition ${owner.partition} to repeat`,
        )
    }
    member.crash(undefined)
    this.#rebalance()
  }

  /** Commits, then assigns all partitions at random to those who are there. */
  #rebalance(): void {
    if (this.#isJoining) return
    this.#isJoining = true
    const { random } = this.scheduler
    const there = () =>
      this.#members.filter(({ isAlive, isFrozen, runtime }) => isAlive && !isFrozen && !runtime.isStopping)
    for (const member of there()) void member.runtime.onRebalancing()
    this.scheduler.after(random.whole(10, 100), () => {
      this.#isJoining = false
      const members = there()
      const owner = Array.from({ length: PARTITIONS }, () => members[random.whole(0, Math.max(0, members.length - 1))])
      for (const member of members)
        member.assign(owner.flatMap((one, partition) => (one === member ? [partition] : [])))
      if (members.length === 0 && this.#isFaulty) this.scheduler.after(SESSION_MS, () => this.#rebalance())
    })
  }

  #check(): void {
    for (const { name, runtime, isAlive } of this.#members)
      for (const owner of isAlive ? runtime.owners : [])
        if (!runtime.assigned.some(({ partition }) => partition === owner.partition))
          this.#violations.push(`${name} holds partition ${owner.partition}, which is not assigned to it`)
  }

  /** By a straight reading of every log there was: each record is stored once, or known to be lost. */
  #compare(): void {
    const { logs, store } = this.#shared
    for (const [partition, stored] of store.partitions.entries()) {
      const ids = new Set([...stored.decided.keys(), ...(logs[partition]?.appended ?? [])])
      for (const id of ids) {
        const [, log = 0, offset = 0] = id.split('/').map(Number)
        const isOver = offset >= (this.#ends.get(`${partition}/${log}`) ?? Infinity)
        const isLost = isOver || stored.gaps.some((gap) => gap.log === log && offset >= gap.from && offset < gap.to)
        const times = stored.decided.get(id) ?? 0
        if (times !== (isLost ? 0 : 1))
          this.#violations.push(`record ${id} is stored ${times} times${isLost ? ', and lost' : ''}`)
      }
    }
  }
}

/** @param code the product's, or a copy with a planted defect */
export const simulate = (seed: number, code: Code = PRODUCT): Promise<SimulationResult> =>
  new Simulation(seed, code).run()
