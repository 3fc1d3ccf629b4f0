import { TOPICS } from '../../../domain/events.js'
import { AlertStage } from '../../support/alert-stage.js'
import { waitUntil } from '../../support/child-process.js'
import { sendDeadLetters } from '../../support/dead-letters.js'
import type { Row } from '../row.js'

export const row: Row = {
  id: 'B4',
  fault:
    'the orchestrator is frozen (`SIGSTOP`) while it sends an alert, another one takes over and sends, the first is thawed',
  invariant: 'the first changes nothing any more: the alert is stored as sent, and Slack takes it once',
  quick: true,
  run: async ({ quick, say }) => {
    const rounds = quick ? 2 : 10
    // The frozen one claims for two send time-outs; it must not be the one that is asked next.
    const stage = await AlertStage.open({ ALERT_WINDOW_MS: '1000' })
    const differences: string[] = []
    try {
      for (let round = 1; round <= rounds; round++) {
        const [taken, requests] = [stage.slack.taken.length, stage.slack.requests.length]
        stage.slack.next({ kind: 'hang', takes: false })
        await sendDeadLetters(stage.stage.servers.kafkaBrokers, [
          { code: 'DECODE', topic: TOPICS.clicks, count: 10 + round },
        ])
        await stage.look()
        await waitUntil(
          () => 'nothing is sent',
          20_000,
          () => Promise.resolve(stage.slack.requests.length > requests),
        )
        const frozen = stage.orchestrator
        frozen.freeze()
        await stage.restart()
        // Each poll that the frozen one has open can take the task once more, for the length of a heartbeat's time-out.
        await stage.delivered(180_000)
        frozen.thaw()
        await new Promise((resolve) => setTimeout(resolve, 3_000)) // what it still has in mind, it does now
        await frozen.kill()
        const arrived = stage.slack.taken.length - taken
        if (arrived !== 1) differences.push(`round ${round}: came ${arrived} times`)
        const { rows } = await stage.stage.db.query<{ state: string }>(
          `SELECT d.state FROM alert_deliveries d WHERE d.state <> 'sent'`,
        )
        for (const { state } of rows) differences.push(`round ${round}: a delivery is ${state}`)
        say(`round ${round}: ${stage.slack.requests.length - requests} requests, ${arrived} taken`)
      }
      return {
        held: differences.length === 0,
        figure: `${rounds}/${rounds} overtaken while sending, ${differences.length} differences`,
        configuration: { heartbeatTimeoutMs: 10_000, sendTimeoutMs: 1_000 },
        differences,
      }
    } finally {
      await stage.close()
    }
  },
}
