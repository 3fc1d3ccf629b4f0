import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  decideAlert,
  withoutUnreceived,
  type AlertEntry,
  type AlertPolicy,
  type AlertState,
} from '../../../../domain/alerting/decide-alert.js'
import { isAtLeast, type Observation, type Severity } from '../../../../domain/alerting/observation.js'
import { silenceOver, type Silence } from '../../../../domain/alerting/silence.js'
import { propertyRuns, propertyTimeoutMs } from '../property-runs.js'

const MINUTE = 60_000
const FINGERPRINT = 'dead-letters:km.clicks.v1:DECODE'
const POLICY: AlertPolicy = { windowMs: 30 * MINUTE, recoverAfterMs: 10 * MINUTE }

const seen = (severity: Severity | null, count = 1): Observation => ({
  source: 'dead-letters',
  fingerprint: FINGERPRINT,
  cause: 'Dead letters DECODE from km.clicks.v1',
  severity,
  count,
  figures: {},
  ...{ summary: '3 records could not be decoded.', sample: null, firstStep: 'Look.' },
  links: [],
})

interface Told extends AlertEntry {
  readonly alertId: string
  readonly atMs: number
}

/** Looks minute by minute, as the workflow does. */
class Watcher {
  state: AlertState | undefined
  readonly entries: Told[] = []
  nowMs = 0
  isReceivable = true

  constructor(
    readonly silences: readonly Silence[] = [],
    readonly policy = POLICY,
  ) {}

  look(observation: Observation | undefined, afterMs = MINUTE): Told | undefined {
    this.nowMs += afterMs
    const alertId = `a${this.nowMs / 1_000}`
    const decision = decideAlert(observation, this.state, this.policy, {
      nowMs: this.nowMs,
      alertId,
      silences: this.silences,
      isReceivable: this.isReceivable,
    })
    if (!decision) return undefined
    this.state = decision.state
    if (!decision.entry) return undefined
    const told = { ...decision.entry, alertId, atMs: this.nowMs }
    this.entries.push(told)
    return told
  }

  get sent(): Told[] {
    return this.entries.filter(({ suppressedBy }) => suppressedBy === null)
  }
}

const silence = (more: Partial<Silence> = {}): Silence => ({
  silenceId: 's1',
  kind: 'silence',
  matcher: 'dead-letters:*',
  upTo: 'warning',
  startsMs: 0,
  endsMs: 20 * MINUTE,
  ...more,
})

describe('decideAlert', () => {
  it('sends the first, and suppresses the same within the window by naming it', () => {
    const watcher = new Watcher()
    assert.equal(watcher.look(seen('warning', 5))?.suppressedBy, null)
    assert.deepEqual(watcher.look(seen('warning', 7))?.suppressedBy, { by: 'window', id: 'a60' })
    const again = watcher.look(seen('warning', 11), POLICY.windowMs - MINUTE)
    assert.deepEqual(
      [again?.suppressedBy, again?.count, again?.swallowedAlerts, again?.swallowedCount],
      [null, 11, 1, 7],
    )
  })

  it('always sends warning to critical, and no milder one after it', () => {
    const watcher = new Watcher()
    watcher.look(seen('warning'))
    assert.equal(watcher.look(seen('critical'))?.suppressedBy, null)
    assert.deepEqual(watcher.look(seen('warning'))?.suppressedBy, { by: 'window', id: 'a120' })
    assert.deepEqual(watcher.look(seen('critical'))?.suppressedBy, { by: 'window', id: 'a120' })
  })

  it('tells once that it is over, with what was swallowed, looks below the thresholds included', () => {
    const watcher = new Watcher()
    watcher.look(seen('warning', 5))
    watcher.look(seen('warning', 7))
    watcher.look(seen(null, 2))
    assert.equal(watcher.look(undefined), undefined)
    const over = watcher.look(undefined, POLICY.recoverAfterMs)
    assert.deepEqual(
      [over?.kind, over?.suppressedBy, over?.swallowedAlerts, over?.swallowedCount],
      ['recovered', null, 1, 9],
    )
    assert.equal(watcher.look(undefined), undefined)
    assert.equal(watcher.look(seen(null, 3)), undefined)
  })

  it('does not send again what comes and goes within the window, and counts it for later', () => {
    const watcher = new Watcher()
    watcher.look(seen('warning', 5))
    watcher.look(undefined, POLICY.recoverAfterMs)
    assert.deepEqual(watcher.look(seen('warning', 3))?.suppressedBy, { by: 'flapping', id: 'a60' })
    assert.deepEqual(watcher.look(undefined, POLICY.recoverAfterMs)?.suppressedBy, { by: 'not_announced', id: null })
    const later = watcher.look(seen('warning', 2), POLICY.windowMs)
    assert.deepEqual([later?.suppressedBy, later?.swallowedAlerts, later?.swallowedCount], [null, 1, 3])
  })

  it('is silent as long as a silence says, for its severity only, and speaks at its end', () => {
    const watcher = new Watcher([silence()])
    assert.deepEqual(watcher.look(seen('warning', 4))?.suppressedBy, { by: 'silence', id: 's1' })
    assert.equal(watcher.look(seen('critical'))?.suppressedBy, null)
    const other = new Watcher([silence({ kind: 'maintenance', matcher: '*', upTo: 'critical' })])
    assert.deepEqual(other.look(seen('critical', 4))?.suppressedBy, { by: 'maintenance', id: 's1' })
    const after = other.look(seen('critical', 1), 19 * MINUTE)
    assert.deepEqual([after?.suppressedBy, after?.swallowedCount], [null, 4])
  })

  it('is not suppressed by what nobody could receive, and says what was kept back', () => {
    const watcher = new Watcher()
    watcher.isReceivable = false
    assert.deepEqual(watcher.look(seen('critical', 5))?.suppressedBy, { by: 'no_channel', id: null })
    assert.deepEqual(watcher.look(seen('critical', 7))?.suppressedBy, { by: 'no_channel', id: null })
    watcher.isReceivable = true
    const first = watcher.look(seen('critical', 2))
    assert.deepEqual([first?.suppressedBy, first?.swallowedAlerts, first?.swallowedCount], [null, 2, 12])
    assert.equal(watcher.look(undefined, POLICY.recoverAfterMs)?.suppressedBy, null)
  })

  it('does not announce the end of what nobody heard of, nor to nobody', () => {
    const watcher = new Watcher()
    watcher.isReceivable = false
    watcher.look(seen('warning'))
    assert.equal(watcher.look(undefined, POLICY.recoverAfterMs)?.suppressedBy?.by, 'not_announced')
    watcher.isReceivable = true
    watcher.look(seen('warning'))
    watcher.isReceivable = false
    assert.equal(watcher.look(undefined, POLICY.recoverAfterMs)?.suppressedBy?.by, 'no_channel')
  })

  it('is not suppressed by a message that every channel gave up, and says what it would have said', () => {
    const watcher = new Watcher()
    const lost = watcher.look(seen('warning', 5))
    assert.ok(lost && watcher.state)
    watcher.state = withoutUnreceived(watcher.state, [{ ...lost, swallowedAlerts: 1, swallowedCount: 3 }])
    const next = watcher.look(seen('warning', 2))
    assert.deepEqual([next?.suppressedBy, next?.swallowedAlerts, next?.swallowedCount], [null, 2, 8])
    assert.equal(watcher.look(seen('warning', 2))?.suppressedBy?.by, 'window')
    const other = { alertId: 'of another cause', count: 9, swallowedAlerts: 0, swallowedCount: 0 }
    assert.equal(withoutUnreceived(watcher.state, [other]), watcher.state)
  })

  it('tells a recovery when the silence that hid it has ended', () => {
    const watcher = new Watcher([silence({ startsMs: 2 * MINUTE, endsMs: 40 * MINUTE })])
    watcher.look(seen('warning'))
    assert.equal(watcher.look(undefined, 15 * MINUTE), undefined)
    assert.equal(watcher.look(undefined, 24 * MINUTE)?.kind, 'recovered')
  })

  describe('whatever comes', () => {
    const observation = fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 5, arbitrary: fc.tuple(fc.constantFrom('warning', 'critical', null), fc.integer({ min: 1, max: 50 })) },
    )
    const looks = fc.array(fc.tuple(observation, fc.integer({ min: 1, max: 12 })), { minLength: 1, maxLength: 80 })
    const someSilence = fc
      .record({
        upTo: fc.constantFrom<Severity>('warning', 'critical'),
        startsMs: fc.integer({ min: 0, max: 300 }).map((m) => m * MINUTE),
        length: fc.integer({ min: 1, max: 90 }).map((m) => m * MINUTE),
        matcher: fc.constantFrom('*', 'dead-letters:*', FINGERPRINT, 'detector-lag:*'),
      })
      .map(({ length, ...rest }) => silence({ ...rest, endsMs: rest.startsMs + length }))
    const policy = fc.record({
      windowMs: fc.integer({ min: 1, max: 60 }).map((m) => m * MINUTE),
      recoverAfterMs: fc.integer({ min: 1, max: 60 }).map((m) => m * MINUTE),
    })

    const check = (law: (watcher: Watcher, seenLooks: readonly Seen[]) => void) =>
      fc.assert(
        fc.property(looks, fc.array(someSilence, { maxLength: 3 }), policy, (steps, silences, rules) => {
          const watcher = new Watcher(silences, rules)
          const seenLooks: Seen[] = []
          for (const [what, minutes] of steps) {
            const wasOpen = typeof watcher.state?.incidentId === 'string'
            const one = what && seen(what[0], what[1])
            const entry = watcher.look(one, minutes * MINUTE)
            seenLooks.push({ atMs: watcher.nowMs, seen: one, entry, wasOpen })
          }
          law(watcher, seenLooks)
        }),
        { numRuns: propertyRuns },
      )

    it('no fingerprint and severity is sent twice within the window', function () {
      this.timeout(propertyTimeoutMs)
      check(({ sent, policy: { windowMs } }) => {
        for (const severity of ['warning', 'critical'] as const) {
          const times = sent.filter((e) => e.kind === 'firing' && e.severity === severity).map(({ atMs }) => atMs)
          times.slice(1).forEach((at, i) => assert.ok(at - (times[i] ?? 0) >= windowMs))
        }
      })
    })

    it('nothing is lost: whatever is seen and not silenced was told of within the window, as bad as it is or worse', function () {
      this.timeout(propertyTimeoutMs)
      check(({ sent, silences, policy: { windowMs } }, all) => {
        for (const { atMs, seen: one } of all) {
          const severity = one?.severity
          if (!severity || silenceOver(silences, FINGERPRINT, severity, atMs)) continue
          const told = sent.some(
            (e) => e.kind === 'firing' && isAtLeast(e.severity, severity) && e.atMs <= atMs && e.atMs > atMs - windowMs,
          )
          assert.ok(told, `${severity} at ${atMs / MINUTE} min`)
        }
      })
    })

    it('nothing is sent under a silence', function () {
      this.timeout(propertyTimeoutMs)
      check(({ sent, silences }) => {
        for (const { severity, atMs } of sent)
          assert.equal(silenceOver(silences, FINGERPRINT, severity, atMs), undefined)
      })
    })

    it('the counts of the messages add up to all that was counted', function () {
      this.timeout(propertyTimeoutMs)
      check(({ sent, state }, all) => {
        const counted = all.filter(({ seen: one, wasOpen }) => one && (one.severity !== null || wasOpen))
        const total = counted.reduce((sum, { seen: one }) => sum + (one?.count ?? 0), 0)
        const said = sent.reduce((sum, { count, swallowedCount }) => sum + count + swallowedCount, 0)
        assert.equal(said + (state?.swallowedCount ?? 0), total)
      })
    })

    it('a recovery is told once after what it ends, and everything suppressed says by what', function () {
      this.timeout(propertyTimeoutMs)
      check(({ entries, sent, silences }) => {
        let isTold = false
        for (const { kind } of sent) {
          if (kind === 'recovered') assert.ok(isTold)
          isTold = kind === 'firing'
        }
        for (const { suppressedBy, kind } of entries) {
          if (suppressedBy === null) continue
          const { by, id } = suppressedBy
          if (by === 'not_announced') assert.equal(kind, 'recovered')
          else if (by === 'window' || by === 'flapping') assert.ok(sent.some(({ alertId }) => alertId === id))
          else assert.ok(silences.some(({ silenceId }) => silenceId === id))
        }
      })
    })
  })
})

interface Seen {
  readonly atMs: number
  readonly seen: Observation | undefined
  readonly entry: Told | undefined
  readonly wasOpen: boolean
}
