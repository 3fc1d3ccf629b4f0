import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { DEAD_LETTER_CODES } from '../../../domain/detection/fate.js'
import { TOPICS } from '../../../domain/events.js'
import { AlertStage, keyIn } from '../../support/alert-stage.js'
import { sendDeadLetters, type DeadLetterBatch } from '../../support/dead-letters.js'
import type { Behaviour } from '../../support/webhook-receiver.js'
import type { Row } from '../row.js'

/** Every dead letter counts: what is missing in the sums was lost. */
const THRESHOLDS = { warning: 1, critical: 2_000 }
const WAVES = 12
const PAUSE_MS = 4_500

export const row: Row = {
  id: 'B9',
  fault:
    'a storm of dead letters in a minute, while Slack fails, hangs, throttles and cuts connections, the mail server is busy, and the orchestrator is killed in mid-send',
  invariant:
    'one message per cause, severity and window; none lost; what comes twice has the same key and says so; counts exact',
  quick: true,
  run: async ({ quick, seed, say }) => {
    const [records, kills] = quick ? [10_000, 2] : [100_000, 6]
    const random = new SeededRandom(seed)
    const stage = await AlertStage.open()
    const sent = new Map<string, number>()
    try {
      stage.slack.decideBy(() => badly(random))
      stage.mail.next(451, 421, 451)
      const startedAt = performance.now()
      let killed = 0
      for (let wave = 0; wave < WAVES; wave++) {
        await sendDeadLetters(stage.stage.servers.kafkaBrokers, waveOf(records / WAVES, random, sent))
        const look = await stage.beginLook(THRESHOLDS, 20_000)
        if (killed < kills && wave % 2 === 1) {
          await sleep(random.whole(50, 2_500))
          await stage.orchestrator.kill()
          await stage.restart()
          killed++
        }
        await look.result()
        await sleep(Math.max(0, startedAt + (wave + 1) * PAUSE_MS - performance.now()))
      }
      const seconds = (performance.now() - startedAt) / 1_000
      stage.slack.decideBy(() => undefined)
      for (let left = 1; left > 0;) ({ left } = await stage.look(THRESHOLDS))
      say(`${killed} kills; every dead letter is counted`)
      await stage.delivered(180_000)
      const { differences, figure } = await judge(stage, sent)
      return {
        held: differences.length === 0,
        figure: `${total(sent)} dead letters of ${sent.size} causes in ${seconds.toFixed(0)} s, ${killed} kills: ${figure}`,
        configuration: { waves: WAVES, ...THRESHOLDS },
        differences,
      }
    } finally {
      await stage.close()
    }
  },
}

/** Three requests of four go wrong in some way. */
function badly(random: SeededRandom): Behaviour | undefined {
  const faults: Behaviour[] = [
    { kind: 'answer', status: 500 },
    { kind: 'answer', status: 429, retryAfter: '1' },
    { kind: 'hang', takes: false },
    { kind: 'hang', takes: true },
    { kind: 'cut' },
    { kind: 'answer', status: 200, afterMs: 600 },
  ]
  return random.chance(0.75) ? faults[random.whole(0, faults.length - 1)] : undefined
}

function waveOf(records: number, random: SeededRandom, sent: Map<string, number>): DeadLetterBatch[] {
  const causes = DEAD_LETTER_CODES.flatMap((code) =>
    [TOPICS.clicks, TOPICS.purchases].map((topic) => ({ code, topic })),
  )
  const shares = causes.map(() => random.whole(0, 100))
  const all = shares.reduce((a, b) => a + b, 0) || 1
  const batches = causes.map((cause, i) => ({ ...cause, count: Math.round((records * (shares[i] ?? 0)) / all) }))
  for (const { code, topic, count } of batches) {
    const fingerprint = `dead-letters:${topic}:${code}`
    sent.set(fingerprint, (sent.get(fingerprint) ?? 0) + count)
  }
  return batches
}

const total = (counts: ReadonlyMap<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0)

/** Holds what was counted and what arrived against what was sent. */
async function judge(stage: AlertStage, sent: ReadonlyMap<string, number>) {
  const differences: string[] = []
  const history = await stage.history()
  for (const [fingerprint, expected] of sent) {
    const own = history.filter((one) => one.fingerprint === fingerprint)
    const counted = own.reduce((sum, { event_count }) => sum + event_count, 0)
    if (counted !== expected) differences.push(`${fingerprint}: ${counted} counted of ${expected}`)
    for (const severity of ['warning', 'critical']) {
      const messages = own.filter((one) => one.outcome === 'sent' && one.severity === severity).length
      if (messages > 1) differences.push(`${fingerprint}: ${messages} messages of severity ${severity} in one window`)
    }
  }
  const due = history.filter(({ outcome }) => outcome === 'sent').map(({ alert_id }) => alert_id)
  const repeats = { slack: 0, mail: 0 }
  const texts = new Map<string, string[]>()
  for (const { text } of stage.slack.taken) texts.set(keyIn(text), [...(texts.get(keyIn(text)) ?? []), text])
  const mails = stage.mail.mails.map(({ headers }) => headers['x-guardian-delivery'] ?? '')
  for (const id of due) {
    const [onSlack, byMail] = [texts.get(`slack-${id}`) ?? [], mails.filter((key) => key === `email-${id}`).length]
    if (onSlack.length === 0) differences.push(`${id} never came on Slack`)
    if (byMail === 0) differences.push(`${id} never came by e-mail`)
    const unmarked = onSlack.filter((text) => !text.includes('sent again')).length
    if (unmarked > 1) differences.push(`${id} came ${unmarked} times on Slack without saying so`)
    repeats.slack += Math.max(0, onSlack.length - 1)
    repeats.mail += Math.max(0, byMail - 1)
  }
  const expectedKeys = new Set(due.flatMap((id) => [`slack-${id}`, `email-${id}`]))
  for (const key of new Set([...texts.keys(), ...mails]))
    if (!expectedKeys.has(key)) differences.push(`${key} came and is not in the history`)
  const suppressed = history.filter(({ outcome }) => outcome === 'suppressed').length
  const figure =
    `${due.length} messages per channel (${suppressed} suppressed), all counted, ${differences.length} differences; ` +
    `${repeats.slack} came again on Slack after a lost answer, ${repeats.mail} by e-mail`
  return { differences, figure }
}
