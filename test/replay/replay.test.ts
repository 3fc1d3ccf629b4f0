import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeterminismViolationError } from '@temporalio/workflow'
import { Worker } from '@temporalio/worker'
import { packageRoot } from '../../platform/package-root.js'
import { bundlePath, writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS } from '../../workflows/contract.js'
import { historyFromText } from '../support/history-json.js'
import { quietTemporal } from '../support/temporal-client.js'

const folder = join(packageRoot, 'test', 'replay', 'histories')
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

const historyOf = (name: string) => historyFromText(readFileSync(join(folder, name), 'utf8'))

const replay = (code: string, name: string) => Worker.runReplayHistory({ workflowBundle: { code } }, historyOf(name))

/** Changes that would break with runs under way, planted in the bundle: each must be caught. */
const PLANTED: readonly {
  readonly what: string
  readonly from: string
  readonly to: string
  readonly history: string
}[] = [
  {
    what: 'a timer that was not there',
    from: 'const existing = await listPartitionDays();',
    to: 'await (0,_temporalio_workflow__WEBPACK_IMPORTED_MODULE_0__.sleep)(1000); const existing = await listPartitionDays();',
    history: 'partition-maintenance-creates.json',
  },
  {
    what: 'an activity less',
    from: 'const existing = await listPartitionDays();',
    to: 'const existing = [];',
    history: 'partition-maintenance-nothing-to-do.json',
  },
  {
    what: 'another order of activities',
    from: 'for (const missing of plan.create)',
    to: 'await listPartitionDays(); for (const missing of plan.create)',
    history: 'partition-maintenance-creates.json',
  },
  {
    what: 'one more day planned in the domain',
    from: 'length: daysAhead + 1',
    to: 'length: daysAhead + 2',
    history: 'partition-maintenance-scheduled.json',
  },
  {
    what: 'an expired day that is passed over',
    from: 'days.slice(0, DAYS_PER_RUN)',
    to: 'days.slice(1, DAYS_PER_RUN)',
    history: 'partition-maintenance-drops.json',
  },
  {
    what: 'a failure that is no longer recorded',
    from: `status: 'failed'`,
    to: `status: 'failed', ...(() => { throw error })()`,
    history: 'partition-maintenance-refused.json',
  },
  {
    what: 'alerts that are delivered one after the other',
    from: 'await Promise.all(channels.map(async (channel) => {',
    to: 'for (const channel of channels) await Promise.all([channel].map(async (channel) => {',
    history: 'deliver-alert-both.json',
  },
  {
    what: 'deliveries that were left behind and are no longer looked for',
    from: '...(await listUndelivered({ at }))',
    to: '',
    history: 'dlq-alert-sends.json',
  },
  {
    what: 'superseded files that are no longer removed',
    from: 'const { removed } = await removeSuperseded();',
    to: 'const removed = 0;',
    history: 'compact-archive-merges.json',
  },
  {
    what: 'a day that fails and keeps the others from it',
    from: 'failures.push(',
    to: 'throw error; failures.push(',
    history: 'compact-archive-day-fails.json',
  },
  {
    what: 'a source that is asked no more',
    from: "'detector-lag', 'schedules'",
    to: "'schedules'",
    history: 'alert-watch-quiet.json',
  },
]

describe('replay', function () {
  this.timeout(60_000)
  let code: string
  before(async () => {
    quietTemporal()
    await writeWorkflowBundle()
    code = readFileSync(bundlePath, 'utf8')
  })

  it('has a history of every workflow', () => {
    const recorded = names.map(
      (name) => historyOf(name).events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name,
    )
    for (const { type } of Object.values(WORKFLOWS)) assert.ok(recorded.includes(type), type)
  })

  for (const name of names)
    it(`${name} goes as it went`, async () => {
      await replay(code, name)
    })

  for (const { what, from, to, history } of PLANTED)
    it(`catches ${what}`, async () => {
      const changed = code.replace(from, () => to)
      assert.notEqual(changed, code, `the bundle has no ${from}`)
      await assert.rejects(replay(changed, history), DeterminismViolationError)
    })
})
