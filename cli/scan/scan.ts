import { clientOf, type Client } from '../../domain/detection/client.js'
import type { Anomaly } from '../../domain/detection/anomaly.js'
import type { ObservedEvent } from '../../domain/detection/fate.js'
import { PartitionDetector, type DetectorPolicy } from '../../domain/detection/partition-detector.js'
import { rulesInForce, type RuleInForce, type RuleVersion } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import type { Click } from '../../domain/events.js'
import { PANE_MS } from '../../domain/windowing/pane.js'
import { keyPartition } from '../../platform/kafka/key-partition.js'
import type { OpenSession } from '../ingest/sessionizer.js'
import { MostFrequent } from './most-frequent.js'

export interface ScanOptions {
  readonly rules: readonly RuleVersion[]
  readonly policy: DetectorPolicy
  readonly partitions: number
  /** Whether a user agent says that it is a bot. */
  readonly isDeclaredBot: (userAgent: string) => boolean
}

/** A flagged window, and where in the partitioned log it is. */
export interface ScannedAnomaly {
  readonly anomaly: Anomaly
  readonly partition: number
}

/** What a rule would flag at other thresholds: sessions by the most events that one of their windows had. */
export interface RulePeaks {
  readonly rule: RuleInForce
  /** Most events in a window of a session in which the rest of the condition holds, from `fromEvents` on. */
  readonly peaks: ReadonlyMap<string, number>
  readonly fromEvents: number
}

/** Lower thresholds are tried down to this share of the rule's own. */
const PROBED_SHARE = 0.4
const MAX_ROWS = 1_000_000
const MAX_CLIENTS = 262_144
const MAX_AGENTS = 100_000
const MINUTE_MS = 60_000
/** A session's busiest ten seconds are counted exactly up to this many events. */
const MAX_PEAK = 100_000

/**
 * Decides the clicks of a log with the detector itself, partition by partition as the pipeline does, with event time in
 * the place of log append time. Everything that it keeps has a bound, but for the anomalies, of which there may be a million.
 */
export class Scan {
  readonly #options: ScanOptions
  readonly #detectors: readonly PartitionDetector[]
  readonly #offsets: number[]
  readonly #rows = new Map<string, ScannedAnomaly>()
  readonly #probes: readonly {
    readonly rule: RuleInForce
    readonly peaks: Map<string, number>
    readonly fromEvents: number
  }[]
  readonly #event = new ScannedEvent()
  readonly #bots = new Map<string, boolean>()
  readonly #perMinute = new Map<number, number>()
  readonly #peakCounts = new Int32Array(MAX_PEAK + 1)
  readonly clients = new MostFrequent(MAX_CLIENTS)
  events = 0
  botEvents = 0
  botSessions = 0
  refused = 0

  constructor(options: ScanOptions) {
    this.#options = options
    const rules = rulesInForce(options.rules, RULE_KINDS)
    this.#probes = rules.map((rule) => probeOf(rule))
    const deciding = [...rules, ...this.#probes.map(({ rule, fromEvents }) => probing(rule, fromEvents))]
    this.#detectors = Array.from({ length: options.partitions }, () => new PartitionDetector(options.policy, deciding))
    this.#offsets = this.#detectors.map(() => 0)
  }

  /** Takes one click, in the order in which they would be sent. */
  take(click: Click, session: OpenSession): void {
    if (session.partition < 0) this.#beginSession(session, click)
    const { partition } = session
    const detector = this.#detectors[partition]
    if (detector === undefined) throw new Error(`partition ${partition} is not one of ${this.#detectors.length}`)
    this.events++
    this.#count(click, session)
    const offset = this.#offsets[partition] ?? 0
    this.#offsets[partition] = offset + 1
    const fate = detector.process(this.#event.set(click), offset, click.event_ts)
    if (fate === 'late' || fate === 'dead') this.refused++
    this.#keep(detector.takeChanges(), partition)
  }

  /** Closes the windows that are open at the end of the log, as later events would. */
  finish(): void {
    for (const [partition, detector] of this.#detectors.entries()) {
      const longestMs = detector.longestPanes * PANE_MS
      detector.advanceTo(
        detector.watermarkMs + this.#options.policy.allowedLatenessMs + 2 * longestMs,
        (this.#offsets[partition] ?? 1) - 1,
      )
      this.#keep(detector.takeChanges(), partition)
    }
  }

  /** Newest window first, as `GET /anomalies` lists them. */
  anomalies(): ScannedAnomaly[] {
    const key = ({ anomaly: { windowStartMs, sessionId, ruleId } }: ScannedAnomaly) =>
      [windowStartMs, sessionId, ruleId] as const
    return [...this.#rows.values()].sort((a, b) => {
      const [aStart, aSession, aRule] = key(a)
      const [bStart, bSession, bRule] = key(b)
      return bStart - aStart || compare(bSession, aSession) || compare(bRule, aRule)
    })
  }

  rulePeaks(): readonly RulePeaks[] {
    return this.#probes
  }

  /** Events by minute of event time, in order. */
  minutes(): (readonly [number, number])[] {
    return [...this.#perMinute]
      .map(([minute, events]) => [minute * MINUTE_MS, events] as const)
      .sort(([a], [b]) => a - b)
  }

  /** @returns the number of events in the busiest ten seconds that a share of all sessions does not exceed */
  peakQuantile(share: number): number {
    const sessions = this.#peakCounts.reduce((sum, count) => sum + count, 0)
    let seen = 0
    for (let peak = 1; peak <= MAX_PEAK; peak++) {
      seen += this.#peakCounts[peak] ?? 0
      if (seen >= share * sessions) return peak
    }
    return MAX_PEAK
  }

  #beginSession(session: OpenSession, { session_id, user_agent }: Click): void {
    session.partition = keyPartition(session_id, this.#options.partitions)
    if (user_agent !== null && this.#isBot(user_agent)) this.botSessions++
  }

  #count({ event_ts, user_agent, ip, session_id }: Click, session: OpenSession): void {
    const minute = Math.floor(event_ts / MINUTE_MS)
    this.#perMinute.set(minute, (this.#perMinute.get(minute) ?? 0) + 1)
    this.clients.add(ip ?? session_id)
    if (user_agent !== null && this.#isBot(user_agent)) this.botEvents++
    const pane = Math.floor(event_ts / PANE_MS)
    session.inPane = pane === session.pane ? session.inPane + 1 : 1
    session.pane = pane
    if (session.inPane <= session.peak || session.peak >= MAX_PEAK) return
    this.#move(session.peak, -1)
    this.#move(++session.peak, 1)
  }

  #move(peak: number, by: number): void {
    if (peak > 0) this.#peakCounts[peak] = (this.#peakCounts[peak] ?? 0) + by
  }

  #isBot(userAgent: string): boolean {
    const known = this.#bots.get(userAgent)
    if (known !== undefined) return known
    if (this.#bots.size >= MAX_AGENTS) this.#bots.clear()
    const isBot = this.#options.isDeclaredBot(userAgent)
    this.#bots.set(userAgent, isBot)
    return isBot
  }

  #keep(changes: readonly Anomaly[], partition: number): void {
    for (const anomaly of changes) {
      if (anomaly.mode === 'shadow') this.#probe(anomaly)
      else {
        const key = `${anomaly.windowStartMs} ${anomaly.ruleId} ${anomaly.sessionId}`
        if (this.#rows.size < MAX_ROWS || this.#rows.has(key)) this.#rows.set(key, { anomaly, partition })
      }
    }
  }

  #probe({ ruleId, sessionId, eventCount, status }: Anomaly): void {
    const peaks = this.#probes.find(({ rule }) => rule.ruleId === ruleId)?.peaks
    if (peaks === undefined || status !== 'confirmed') return
    if (eventCount > (peaks.get(sessionId) ?? 0) && (peaks.size < MAX_ROWS || peaks.has(sessionId)))
      peaks.set(sessionId, eventCount)
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function probeOf(rule: RuleInForce) {
  const fromEvents = Math.max(1, Math.ceil(PROBED_SHARE * rule.condition.minEvents))
  return { rule, peaks: new Map<string, number>(), fromEvents }
}

/** The same rule with a lower threshold, in shadow: the detector decides both at once. */
const probing = (rule: RuleInForce, minEvents: number): RuleInForce => ({
  ...rule,
  mode: 'shadow',
  condition: { ...rule.condition, minEvents },
})

/** The event of a click, one object for all; its client is only described when somebody asks. */
class ScannedEvent implements ObservedEvent {
  event_id = ''
  event_ts = 0
  ingest_ts = 0
  session_id = ''
  user_id: string | null = null
  item_id: string | null = null
  event_type: string | undefined = undefined
  page: string | undefined = undefined
  #ip: string | null = null
  #userAgent: string | null = null

  get client(): Client {
    return clientOf(this.#ip, this.#userAgent)
  }

  set(click: Click): this {
    this.event_id = click.event_id
    this.event_ts = click.event_ts
    this.ingest_ts = click.event_ts
    this.session_id = click.session_id
    this.user_id = click.user_id
    this.item_id = click.item_id
    this.event_type = click.event_type
    this.page = click.page
    this.#ip = click.ip
    this.#userAgent = click.user_agent
    return this
  }
}
