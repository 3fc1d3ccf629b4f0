import assert from 'node:assert/strict'
import { TOPICS } from '../../domain/events.js'
import { anomalyIdOf } from '../../schemas/rest/anomaly-id.js'
import { clicksOf, fullestWindow, sendClicks, sessionOn, type CraftedClick } from '../support/crafted-sessions.js'
import { sendOrigins } from '../support/dead-letters.js'
import { deleteBefore } from '../support/topic-faults.js'
import { DetectionStage } from '../support/detection-stage.js'
import { useTestStack } from '../support/stack.js'
import { AFTER_GAP, BELOW, CRAFTED, GAP, inLogOrder, LATE, NOON, RULES, SHADOWED } from '../support/why-not-sessions.js'

interface Explanation {
  readonly agrees: boolean
  readonly status: { readonly stored: string; readonly recomputed: string | null }
  readonly differences: readonly { readonly field: string; readonly stored: unknown; readonly recomputed: unknown }[]
  readonly read: { readonly from_offset: number; readonly from_log_start: boolean }
  readonly events: readonly { readonly fate: string; readonly crossed: boolean; readonly events: number }[]
}

interface WhyNotRule {
  readonly rule_id: string
  readonly mode: string
  readonly reason: string
  readonly min_events: number
  readonly peak: { readonly events: number } | null
}

interface WhyNotAnswer {
  readonly session_id: string
  readonly kafka_partition: number
  readonly from_offset: number
  readonly to_offset: number
  readonly unread: number
  readonly records: Readonly<Record<string, number>>
  readonly data_gaps: readonly { readonly from_offset: number; readonly to_offset: number }[]
  readonly rules: readonly WhyNotRule[]
}

interface Named {
  readonly id: string
  readonly session_id: string
  readonly status: string
  readonly mode: string
  readonly rule_id: string
  readonly event_count: number
}

describe('anomalies explained by their log', function () {
  this.timeout(300_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let anomalies: Named[]

  before(async () => {
    stage = await DetectionStage.open(servers())
    await stage.ask(['rules', 'set', 'HIGH_FREQUENCY', 'minEvents=30'])
    await stage.ask(['rules', 'set', 'LOW_DIVERSITY_RATIO', 'windowMs=120000', 'slideMs=30000', 'minEvents=60'])
    await stage.ask(['rules', 'set', 'BOT_LIKE', '--state', 'shadow', 'minEvents=60'])
    await stage.ask(['simulate', '--day', '2026-01-10', '--events', '40000', '--duration', '400s', '--seed', '78'])
    await sendClicks(stage, inLogOrder())
    await stage.finish(stage.startDetector(), await stage.logEnds())
    anomalies = await named(stage)
  })

  after(() => stage.close())

  const explain = async (id: string, ...options: string[]) => {
    const { code, stdout, stderr } = await stage.guardian(['explain', id, '--json', ...options])
    return { code, stderr, said: JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Explanation }
  }
  const one = (like: Partial<Named>): Named => {
    const found = anomalies.find((row) =>
      Object.entries(like).every(([name, value]) => row[name as keyof Named] === value),
    )
    assert.ok(found, `an anomaly with ${JSON.stringify(like)} among ${anomalies.length}`)
    return found
  }

  it('stores what a shadow rule finds with mode shadow, beside the anomalies of the rule in force', () => {
    const modes = new Set(anomalies.map(({ rule_id, mode }) => `${rule_id} ${mode}`))
    assert.deepEqual([...modes].sort(), [
      'BOT_LIKE active',
      'BOT_LIKE shadow',
      'HIGH_FREQUENCY active',
      'LOW_DIVERSITY_RATIO active',
    ])
  })

  it('agrees with the stored rows of every rule, status and mode', async () => {
    const examples = [
      { rule_id: 'HIGH_FREQUENCY', status: 'confirmed' },
      { rule_id: 'LOW_DIVERSITY_RATIO' },
      { status: 'retracted' },
      { rule_id: 'BOT_LIKE', mode: 'shadow', status: 'confirmed' },
      { status: 'open' },
    ].map(one)
    for (const { id, status, event_count } of examples) {
      const { code, said, stderr } = await explain(id)
      assert.deepEqual(said.differences, [], stderr)
      assert.equal(code, 0)
      assert.deepEqual(said.status, { stored: status, recomputed: status })
      assert.equal(said.events.filter(({ crossed }) => crossed).length, 1)
      assert.equal(said.events.filter(({ fate }) => fate === 'accepted').length, event_count)
    }
  })

  it('reads on towards the beginning of the log before it says that a row is wrong, and then says so', async () => {
    const { id } = anomalies.at(-1) ?? one({})
    const change = (by: string) => stage.db.query(`UPDATE anomaly_sessions SET event_count = event_count + ${by}`)
    await change('1')
    const { code, said } = await explain(id, '--context', '0')
    await change('-1')
    assert.equal(code, 1)
    assert.deepEqual(
      said.differences.map(({ field }) => field),
      ['event_count'],
    )
    assert.equal(said.read.from_log_start, true)
    assert.equal(said.agrees, false)
  })

  it('tells people the same as a short table', async () => {
    const { id } = one({ rule_id: 'HIGH_FREQUENCY', status: 'confirmed' })
    const { code, stdout } = await stage.guardian(['explain', id])
    assert.equal(code, 0)
    assert.match(stdout, /^HIGH_FREQUENCY version 2 \(active\) on session .*It needs 30 events\.$/m)
    assert.match(stdout, /the rule holds from here on/)
    assert.match(stdout, /^The stored row says the same\.$/m)
  })

  it('says why a session was not flagged: its fullest window against each rule in force, as the stored rows have it', async () => {
    const { rows } = await stage.db.query<{ session: string; rules: string[] }>(
      `SELECT a.session_id AS session, array_agg(DISTINCT a.rule_id || ' ' || a.mode) AS rules FROM anomaly_sessions a
        WHERE a.status <> 'retracted' AND NOT EXISTS (SELECT FROM anomaly_sessions o
              WHERE o.session_id = a.session_id AND o.rule_id = 'HIGH_FREQUENCY') GROUP BY 1 ORDER BY 1 LIMIT 1`,
    )
    const [flagged] = rows
    assert.ok(flagged)
    const said = await stage.ask<{ rules: WhyNotRule[]; records: Record<string, number> }>(['why-not', flagged.session])
    const name = ({ rule_id, mode }: WhyNotRule) => `${rule_id} ${mode}`
    assert.deepEqual(
      said.rules
        .filter(({ reason }) => reason === 'flagged')
        .map(name)
        .sort(),
      flagged.rules.sort(),
    )
    const high = said.rules.find(({ rule_id }) => rule_id === 'HIGH_FREQUENCY')
    assert.equal(high?.reason, 'below')
    assert.ok(high.peak && high.peak.events > 0 && high.peak.events < high.min_events)
    assert.equal(high.min_events, 30)
  })

  it('why-not ends with 1 for a session that is not in what was read, and with 2 for wrong use', async () => {
    const { code, stdout } = await stage.guardian(['why-not', 'nobody', '--limit', '100'])
    assert.equal(code, 1)
    assert.match(stdout, /No record of session nobody/)
    assert.equal((await stage.guardian(['why-not', 'nobody', '--limit', '0'])).code, 2)
  })

  const whyNot = (session: string) => stage.ask<WhyNotAnswer>(['why-not', session])
  const byRule = <T>(answer: WhyNotAnswer, of: (rule: WhyNotRule) => T) =>
    Object.fromEntries(answer.rules.map((rule) => [`${rule.rule_id} ${rule.mode}`, of(rule)]))
  const peaks = (clicks: readonly CraftedClick[]) =>
    Object.fromEntries(Object.entries(RULES).map(([name, rule]) => [name, fullestWindow(clicks, rule)]))

  it('says of late, repeated, undecodable, diverse and shadowed sessions what kept each rule from them, and their peaks', async () => {
    const end = (await stage.logEnds()).get(`${TOPICS.clicks}/0`)
    const answers = await Promise.all(Object.keys(CRAFTED).map(whyNot))
    for (const answer of answers) {
      const { counts = [], rest, says } = CRAFTED[answer.session_id] ?? {}
      assert.deepEqual(
        byRule(answer, ({ reason }) => reason),
        says,
        answer.session_id,
      )
      assert.deepEqual(
        byRule(answer, ({ peak }) => peak),
        peaks(counts),
        answer.session_id,
      )
      const fates = { accepted: counts.length, duplicate: 0, late: 0, dead: 0 }
      assert.deepEqual(answer.records, { ...fates, ...(rest ? { [rest[0]]: rest[1].length } : {}) })
      const { kafka_partition, from_offset, to_offset, unread, data_gaps } = answer
      assert.deepEqual([kafka_partition, from_offset, to_offset, unread, data_gaps], [0, 0, end, 0, []])
    }
    assert.equal(answers.length, 5)
    const flagged = anomalies.filter(({ session_id }) => CRAFTED[session_id] !== undefined)
    assert.deepEqual(
      new Set(flagged.map(({ session_id, rule_id, mode }) => `${session_id} ${rule_id} ${mode}`)),
      new Set([`${SHADOWED} BOT_LIKE shadow`, `${SHADOWED} LOW_DIVERSITY_RATIO active`]),
    )
  })

  it('says it to people in a line for each rule', async () => {
    const { stdout } = await stage.guardian(['why-not', LATE])
    assert.match(stdout, new RegExp(`^Session ${LATE}: 25 accepted, 0 duplicate, 10 late, 0 dead\\.$`, 'm'))
    assert.match(
      stdout,
      /^ {2}HIGH_FREQUENCY version 2 \(active\): too few events that count: late ones would have been enough; at its fullest, 25 of 30 events from 2026-01-10T12:00:00.000Z to 2026-01-10T12:00:10.000Z$/m,
    )
  })

  it('says when records were lost in a gap near a session, and when a rule came later', async () => {
    const ends = await stage.logEnds()
    const from = ends.get(`${TOPICS.clicks}/1`) ?? 0
    await sendClicks(stage, clicksOf(GAP, 10, { fromMs: NOON, everyMs: 200 }))
    await deleteBefore(stage.brokers, 1, from + 10)
    const left = clicksOf(GAP, 10, { fromMs: NOON + 4_000, everyMs: 200 })
    const later = clicksOf(AFTER_GAP, 10, { fromMs: NOON + 200_000, everyMs: 200 })
    const other = clicksOf(LATE, 1, { fromMs: NOON + 300_000, everyMs: 1 })
    await sendClicks(stage, [...left, ...later, ...other])
    await stage.ask(['rules', 'set', 'HIGH_FREQUENCY', 'minEvents=20'])
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const [lost, after, before] = await Promise.all([GAP, AFTER_GAP, LATE].map(whyNot))
    assert.ok(lost && after && before)
    assert.deepEqual(new Set(lost.rules.map(({ reason }) => reason)), new Set(['gap']))
    assert.deepEqual(
      byRule(lost, ({ peak }) => peak),
      peaks(left),
    )
    assert.deepEqual(lost.data_gaps, [{ from_offset: from, to_offset: from + 10 }])
    assert.deepEqual([lost.from_offset, lost.unread], [from + 10, 0])
    assert.deepEqual(
      byRule(after, ({ reason }) => reason),
      BELOW,
    )
    assert.deepEqual(
      byRule(before, ({ reason }) => reason),
      { ...BELOW, 'HIGH_FREQUENCY active': 'not_in_force' },
    )
  })

  it('counts what the detector has made dead letters, also when it could be decoded by now', async () => {
    const session = sessionOn(0, 4, 'dead-then')
    const from = (await stage.logEnds()).get(`${TOPICS.clicks}/0`) ?? 0
    await sendClicks(stage, clicksOf(session, 10, { fromMs: NOON + 600_000, everyMs: 1 }))
    await sendOrigins(
      stage.brokers,
      Array.from({ length: 8 }, (_, i) => ({ partition: 0, offset: from + i })),
    )
    await stage.finish(stage.startDetector(), await stage.logEnds())
    const { records } = await whyNot(session)
    assert.deepEqual(records, { accepted: 2, duplicate: 0, late: 0, dead: 8 })
  })

  it('ends with 2 for what is no id, and with 1 for an anomaly that is not there', async () => {
    assert.equal((await stage.guardian(['explain', 'nothing'])).code, 2)
    assert.equal((await stage.guardian(['explain'])).code, 2)
    assert.equal((await stage.guardian(['explain', one({}).id, '--context', 'x'])).code, 2)
    const gone = anomalyIdOf({ windowStart: new Date(0), sessionId: 's', ruleId: 'r', mode: 'active' })
    const { code, stderr } = await stage.guardian(['explain', gone])
    assert.equal(code, 1)
    assert.match(stderr, /no such anomaly/)
  })
})

async function named(stage: DetectionStage): Promise<Named[]> {
  const { rows } = await stage.db.query<Omit<Named, 'id'> & { window_start: Date; mode: 'active' }>(
    `SELECT a.window_start, a.session_id, a.rule_id, a.mode, a.status, a.event_count FROM anomaly_sessions a
      ORDER BY a.window_start, a.session_id, a.rule_id, a.mode`,
  )
  return rows.map(({ window_start, ...row }) => ({
    ...row,
    id: anomalyIdOf({ windowStart: window_start, sessionId: row.session_id, ruleId: row.rule_id, mode: row.mode }),
  }))
}
