import { knownText } from '../client/known.js'
import { EventIdBits } from '../dedup/event-id.js'
import { COLLISION, EventIdSet, NEW, type Seen } from '../dedup/event-id-set.js'
import { SessionBits } from '../dedup/stable-hash.js'
import type { Text } from '../text.js'
import { oldestWindowStart, PANE_MS, paneOf } from '../windowing/pane.js'
import { PaneStore } from '../windowing/pane-store.js'
import { Watermark } from '../windowing/watermark.js'
import type { Anomaly } from './anomaly.js'
import { contentsOf } from './contents.js'
import { distinctValues, openRow } from './describe-window.js'
import type { DeadLetterCode, Fate, ObservedEvent } from './fate.js'
import { faultOf } from '../events/event-fault.js'
import { OpenWindows, type OpenWindow } from './open-windows.js'
import type { RuleInForce } from './rule.js'

export interface DetectorPolicy {
  readonly allowedLatenessMs: number
  readonly maxFutureSkewMs: number
}

/** What one event was, and at which record. */
interface Arrival {
  readonly event: ObservedEvent<Text>
  readonly offset: number
  readonly appendMs: number
}

/** Duplicates whose contents differ from those of the first event with their session and id. */
export interface Collisions {
  readonly events: number
  readonly sampleOffset: number
}

export type Counts = Record<Fate, number>

const NONE = -1
/** An open window's object and evidence. */
const OPEN_WINDOW_BYTES = 1_024
const NO_CHANGES: readonly Anomaly[] = []

/**
 * Detection over one partition's log: give it the records in offset order, and it says what becomes of each and which
 * anomalies change. The same log and the same rules give the same answers: it has no clock, no randomness, no I/O.
 */
export class PartitionDetector {
  readonly ids = new EventIdSet()
  readonly panes = new PaneStore()
  readonly openWindows = new OpenWindows()
  readonly counts: Counts = { accepted: 0, duplicate: 0, late: 0, dead: 0 }
  readonly #policy: DetectorPolicy
  #collisions: Collisions | undefined
  readonly #bits = new EventIdBits()
  readonly #session = new SessionBits()
  #watermark: Watermark
  #rules: readonly RuleInForce[] = []
  /** Whether a rule or an open window counts what comes. */
  #decides = false
  #fewestEvents = Number.POSITIVE_INFINITY
  #longestPanes = 1
  #keptFromPane = Number.NEGATIVE_INFINITY
  #nextCloseMs = Number.NEGATIVE_INFINITY
  #scratch = new Int32Array(1)
  #changes: Anomaly[] = []
  #fault: { readonly code: DeadLetterCode; readonly detail: string } | undefined
  /** What the current event adds to its pane; one object for all events. */
  readonly #arriving = {
    offset: 0,
    value: null as Text | null,
    actor: null as Text | null,
    id: this.#bits,
    idText: null as string | null,
  }

  constructor(policy: DetectorPolicy, rules: readonly RuleInForce[]) {
    this.#policy = policy
    this.#watermark = new Watermark(policy.allowedLatenessMs)
    this.useRules(rules)
  }

  get watermarkMs(): number {
    return this.#watermark.ms
  }

  /** The highest min(event, append) time of what was accepted, or of a tick; minus infinity before the first. */
  get eventHighMs(): number {
    return this.#watermark.ms + this.#policy.allowedLatenessMs
  }

  get allowedLatenessMs(): number {
    return this.#policy.allowedLatenessMs
  }

  /** When the first open window ends; infinity when none is open. */
  get nextEndMs(): number {
    let pane = Number.POSITIVE_INFINITY
    for (const { endPane } of this.openWindows.all()) pane = Math.min(pane, endPane)
    return pane * PANE_MS
  }

  get rules(): readonly RuleInForce[] {
    return this.#rules
  }

  /** About as many bytes as the state takes in memory. */
  get stateBytes(): number {
    return this.panes.bytes + this.ids.bytes + this.openWindows.size * OPEN_WINDOW_BYTES
  }

  /** Panes in the longest window that decides: a pane is kept until the last window that holds it has closed. */
  get longestPanes(): number {
    return this.#longestPanes
  }

  /** Why the last record that `process` called dead is a dead letter. */
  get fault(): { readonly code: DeadLetterCode; readonly detail: string } | undefined {
    return this.#fault
  }

  /**
   * Lets other rule versions decide from the next record on. A window that is open stays with the version that opened
   * it until it closes.
   */
  useRules(rules: readonly RuleInForce[]): void {
    this.#rules = rules
    this.#fitToRules()
  }

  /** Fits to the rules that decide now: those in force, and those of windows that are still open. */
  #fitToRules(): void {
    const rules = this.#rules
    const deciding = [...rules, ...[...this.openWindows.all()].map(({ rule }) => rule)]
    this.#decides = deciding.length > 0
    this.#fewestEvents = deciding.reduce(
      (least, { condition }) => Math.min(least, condition.minEvents),
      Number.POSITIVE_INFINITY,
    )
    const longestPanes = deciding.reduce((most, { window }) => Math.max(most, window.sizePanes), 1)
    // Panes are then needed for longer than the pieces that hold them say, so the next piece has to hold them all.
    if (longestPanes > this.#longestPanes) this.panes.markAllChanged()
    this.#longestPanes = longestPanes
    this.#scratch = new Int32Array(2 * longestPanes - 1)
    this.#forgetPanes()
  }

  /** The first pane that is not forgotten yet. A pane that was forgotten under shorter rules does not come back. */
  get keptFromPane(): number {
    return this.#keptFromPane
  }

  /** Goes on from a stored watermark. Panes, ids and open windows are put back on their own. */
  resumeAt(watermarkMs: number, keptFromPane: number): void {
    this.#keptFromPane = keptFromPane
    this.#watermark = new Watermark(this.#policy.allowedLatenessMs, watermarkMs)
    this.#nextCloseMs = watermarkMs === Number.NEGATIVE_INFINITY ? watermarkMs : (paneOf(watermarkMs) + 1) * PANE_MS
  }

  /** Counts records that could not even be decoded. */
  countDead(records = 1): void {
    this.counts.dead += records
  }

  /**
   * Decides one record. Anomalies that it changes are kept for `takeChanges`.
   * @param appendMs the record's log append time
   */
  process(event: ObservedEvent<Text>, offset: number, appendMs: number): Fate {
    const fate = this.#decide(event, offset, appendMs)
    this.counts[fate]++
    return fate
  }

  /**
   * Raises the watermark to a time, as later events would, and closes the windows that it passes.
   * @param offset the record that is known to lie behind them
   */
  advanceTo(watermarkMs: number, offset: number): void {
    const eventMs = watermarkMs + this.#policy.allowedLatenessMs
    if (this.#watermark.accept(eventMs, eventMs) && this.#watermark.ms >= this.#nextCloseMs) this.#close(offset)
  }

  /**
   * Takes an idle partition on to a time, as an event of then would, and is none.
   * @param appendMs the log append time of the tick, which the watermark does not run ahead of
   */
  tick(atMs: number, offset: number, appendMs: number): void {
    if (this.#watermark.accept(atMs, appendMs) && this.#watermark.ms >= this.#nextCloseMs) this.#close(offset)
  }

  /** Anomalies raised and closed since the last call, in the order of their records. */
  takeChanges(): readonly Anomaly[] {
    if (this.#changes.length === 0) return NO_CHANGES
    const changes = this.#changes
    this.#changes = []
    return changes
  }

  /** What collided since the last call; undefined when nothing did. */
  takeCollisions(): Collisions | undefined {
    const collisions = this.#collisions
    this.#collisions = undefined
    return collisions
  }

  /** The rows of open windows that events have come to since they were last given out. */
  takeUpdates(): Anomaly[] {
    return this.openWindows.takeChanged().map((window) => openRow(this.panes, window))
  }

  #decide(event: ObservedEvent<Text>, offset: number, appendMs: number): Fate {
    const isUuid = this.#bits.read(event.event_id)
    const fault = faultOf(event, appendMs, this.#policy.maxFutureSkewMs, isUuid)
    if (fault) {
      this.#fault = fault
      return 'dead'
    }
    const eventMs = event.event_ts
    const watermarkMs = this.#watermark.ms
    if (eventMs < watermarkMs) return 'late'
    const seen = this.#see(event, isUuid, watermarkMs)
    if (seen !== NEW) {
      if (seen === COLLISION) this.#countCollision(offset)
      return 'duplicate'
    }
    this.#apply(event, offset, appendMs, isUuid)
    if (this.#watermark.accept(eventMs, appendMs) && this.#watermark.ms >= this.#nextCloseMs) this.#close(offset)
    return 'accepted'
  }

  #countCollision(offset: number): void {
    const { events, sampleOffset } = this.#collisions ?? { events: 0, sampleOffset: offset }
    this.#collisions = { events: events + 1, sampleOffset }
  }

  #see(event: ObservedEvent<Text>, isUuid: boolean, watermarkMs: number): Seen {
    const contents = contentsOf(event)
    const { event_id, session_id, event_ts } = event
    if (!isUuid) return this.ids.addText(String(event_id), String(session_id), contents, event_ts, watermarkMs)
    this.#session.read(session_id)
    return this.ids.add(this.#bits, this.#session, contents, event_ts, watermarkMs)
  }

  #apply(event: ObservedEvent<Text>, offset: number, appendMs: number, isUuid: boolean): void {
    if (!this.#decides) return
    const arriving = this.#arriving
    arriving.offset = offset
    arriving.value = event.item_id
    arriving.actor = knownText(event.user_id)
    arriving.idText = isUuid ? null : String(event.event_id)
    const key = this.panes.keyOf(event.session_id)
    const pane = paneOf(event.event_ts)
    if (this.panes.add(key, pane, arriving) >= this.#fewestEvents) this.#check({ event, offset, appendMs }, key, pane)
  }

  /** Looks at every window that holds the event: open ones have news, others may cross their threshold now. */
  #check(arrival: Arrival, key: number, pane: number): void {
    const open = this.openWindows.of(String(arrival.event.session_id))
    if (open)
      for (const window of open)
        if (window.startPane <= pane && pane < window.endPane) this.openWindows.markChanged(window)
    const first = pane - this.#longestPanes + 1
    this.panes.gather(key, first, this.#scratch)
    for (const rule of this.#rules) {
      const { sizePanes, slidePanes } = rule.window
      for (let start = oldestWindowStart(rule.window, pane); start <= pane; start += slidePanes) {
        const events = this.#eventsIn(start - first, sizePanes)
        if (events < rule.condition.minEvents) continue
        if (open?.some((window) => window.startPane === start && isSame(window.rule, rule))) continue
        const distinct = this.#distinctIn(start - first, sizePanes, rule.condition.maxDistinct(events))
        if (distinct !== NONE) this.#raise(rule, start, arrival, events)
      }
    }
  }

  #raise(rule: RuleInForce, startPane: number, { event, offset, appendMs }: Arrival, events: number): void {
    const sessionId = String(event.session_id)
    const window: OpenWindow = {
      rule,
      sessionId,
      startPane,
      endPane: startPane + rule.window.sizePanes,
      producedMs: event.ingest_ts,
      kafkaMs: appendMs,
      crossed: {
        event_id: String(event.event_id),
        offset,
        events,
        distinct_items: distinctValues(this.panes, sessionId, startPane, rule.window.sizePanes),
        ...(event.client === undefined ? {} : { client: event.client }),
        ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
      },
      changed: false,
    }
    this.openWindows.add(window)
    this.#changes.push(openRow(this.panes, window))
  }

  /** Closes the windows that the watermark has passed, and forgets the panes that no window needs any more. */
  #close(offset: number): void {
    const pane = paneOf(this.#watermark.ms)
    this.#nextCloseMs = (pane + 1) * PANE_MS
    const ended = this.openWindows.takeEnded(pane)
    for (const window of ended) {
      const row = openRow(this.panes, window)
      const { minEvents, maxDistinct } = window.rule.condition
      const holds = row.eventCount >= minEvents && row.distinctItems <= maxDistinct(row.eventCount)
      this.#changes.push({ ...row, status: holds ? 'confirmed' : 'retracted', asOfOffset: offset })
    }
    if (ended.some(({ rule }) => !this.#rules.includes(rule))) this.#fitToRules()
    else this.#forgetPanes()
  }

  #forgetPanes(): void {
    this.#keptFromPane = Math.max(this.#keptFromPane, paneOf(this.#watermark.ms) - this.#longestPanes + 1)
    this.panes.dropBefore(this.#keptFromPane)
  }

  #eventsIn(from: number, sizePanes: number): number {
    let events = 0
    for (let at = from; at < from + sizePanes; at++) {
      const slot = this.#scratch[at] ?? NONE
      if (slot !== NONE) events += this.panes.countOf(slot)
    }
    return events
  }

  /** The distinct values in a gathered window, or -1 as soon as they are more than `most`. */
  #distinctIn(from: number, sizePanes: number, most: number): number {
    if (most === Number.POSITIVE_INFINITY) return 0
    for (let at = from; at < from + sizePanes; at++) {
      const slot = this.#scratch[at] ?? NONE
      if (slot !== NONE && this.panes.distinctOf(slot) > most) return NONE
    }
    const values = new Set<number>()
    for (let at = from; at < from + sizePanes; at++) {
      const slot = this.#scratch[at] ?? NONE
      if (slot !== NONE) for (const value of this.panes.valuesOf(slot)) values.add(value)
      if (values.size > most) return NONE
    }
    return values.size
  }
}

const isSame = (a: RuleInForce, b: RuleInForce): boolean => a.ruleId === b.ruleId && a.mode === b.mode
