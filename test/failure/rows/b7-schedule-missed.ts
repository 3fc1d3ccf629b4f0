import { setTimeout as sleep } from 'node:timers/promises'
import type { ScheduleDescription, ScheduleHandle } from '@temporalio/client'
import { addDays, utcDayOf } from '../../../domain/utc-day.js'
import { WORKFLOWS } from '../../../workflows/contract.js'
import { waitUntil } from '../../support/child-process.js'
import { KpiStage } from '../kpi-stage.js'
import { patchedCopy, type Patch } from '../patched-copy.js'
import type { Row, RowSettings } from '../row.js'

/** A day of the schedule, in this row. */
const EVERY_MS = 30_000
/** How long before a run is due the server goes away. */
const BEFORE_MS = 3_000
/** The same that the product has for days: a run may be made up for so long, and is told of so soon. */
const WINDOW_MS = 15_000
const GRACE_MS = 5_000
/** How long after a run was due the server comes back: within the window, and beyond it. */
const WITHIN_MS = 4_000
const BEYOND_MS = WINDOW_MS + 5_000

const FULL = { within: 3, beyond: 2 }
const QUICK = { within: 1, beyond: 1 }

const PATCHES: readonly Patch[] = [
  {
    file: 'workers/orchestrator/schedules.js',
    from: `at: { hour: kpiHour, minute: KPI_MINUTE, timeZone },
        catchupWindowMs: 24 * HOUR_MS,`,
    to: `at: { everyMs: ${EVERY_MS} },
        catchupWindowMs: ${WINDOW_MS},`,
  },
  {
    file: 'domain/alerting/kinds/schedules.js',
    from: 'SCHEDULE_GRACE_MS = 300_000',
    to: `SCHEDULE_GRACE_MS = ${GRACE_MS}`,
  },
  {
    file: 'domain/alerting/kinds/schedules.js',
    from: 'ONE_RUN_COUNTS_MS = 3_600_000',
    to: `ONE_RUN_COUNTS_MS = ${EVERY_MS}`,
  },
]

const { scheduleId } = WORKFLOWS.dailyKpi

/** Takes the server away across the times at which runs are due, and looks what became of each. */
class Outages {
  readonly differences: string[] = []
  /** When runs were due that cannot be made up for any more. */
  readonly #given: number[] = []
  readonly #firstDueMs: number

  constructor(
    readonly kpi: KpiStage,
    readonly handle: ScheduleHandle,
    { info }: ScheduleDescription,
  ) {
    this.#firstDueMs = info.nextActionTimes[0]?.getTime() ?? Number.NaN
  }

  /** @param afterMs how long after a run was due the server comes back @returns when it was due */
  async across(afterMs: number): Promise<number> {
    const { temporal } = this.kpi.servers
    if (temporal === undefined) throw new Error('the stack has no Temporal')
    const dueMs = Math.ceil((Date.now() + BEFORE_MS + 1_000) / EVERY_MS) * EVERY_MS
    await sleep(dueMs - BEFORE_MS - Date.now())
    temporal.kill('SIGKILL')
    await sleep(dueMs + afterMs - Date.now())
    await temporal.restart()
    if (afterMs > WINDOW_MS) this.#given.push(dueMs)
    await this.#begun(afterMs > WINDOW_MS ? dueMs + EVERY_MS : dueMs)
    return dueMs
  }

  /** The runs by when they were due, as the table has them. */
  async #runs(): Promise<Map<number, number>> {
    const { rows } = await this.kpi.stage.db.query<{ id: string }>(
      `SELECT r.workflow_id AS id FROM pipeline_runs r WHERE r.workflow_id LIKE $1 AND r.status = 'completed'`,
      [`${scheduleId}-2%`],
    )
    const runs = new Map<number, number>()
    for (const { id } of rows) {
      const dueMs = Date.parse(id.slice(scheduleId.length + 1))
      runs.set(dueMs, (runs.get(dueMs) ?? 0) + 1)
    }
    return runs
  }

  async #begun(dueMs: number): Promise<void> {
    const due = new Date(dueMs).toISOString()
    await waitUntil(
      () => `the run that was due at ${due} is not completed`,
      90_000,
      async () => (await this.#runs()).has(dueMs),
    ).catch((error: unknown) => this.differences.push(String(error)))
  }

  /** Every time that was due has one run, but for those that were left out. */
  async eachOnce(): Promise<number> {
    const runs = await this.#runs()
    const lastMs = Math.max(...runs.keys())
    let dues = 0
    for (let dueMs = this.#firstDueMs; dueMs <= lastMs; dueMs += EVERY_MS, dues++) {
      const expected = this.#given.includes(dueMs) ? 0 : 1
      const found = runs.get(dueMs) ?? 0
      if (found !== expected)
        this.differences.push(`${found} runs for ${new Date(dueMs).toISOString()} in place of ${expected}`)
    }
    const { info } = await this.handle.describe()
    // It has been seen to count one twice that its server was away for.
    if (info.numActionsMissedCatchupWindow < this.#given.length)
      this.differences.push(`Temporal counts ${info.numActionsMissedCatchupWindow} that were left out`)
    return dues
  }

  /** The alert names the schedule, and what makes up for the run. */
  async isTold(): Promise<void> {
    const { client } = this.kpi.temporal
    const watch = await client.schedule.getHandle(WORKFLOWS.alertWatch.scheduleId).describe()
    await client.workflow.execute(WORKFLOWS.alertWatch.type, {
      taskQueue: WORKFLOWS.alertWatch.taskQueue,
      workflowId: `alert-watch-row-${process.pid}-${this.#given.length}`,
      args: watch.action.args as unknown[],
    })
    const { rows } = await this.kpi.stage.db.query<{ alert: string }>(
      `SELECT to_jsonb(a)::text AS alert FROM alert_history a WHERE a.fingerprint = $1`,
      [`schedules:${scheduleId}`],
    )
    const yesterday = addDays(utcDayOf(Date.now()), -1)
    const makesUp = new RegExp(`guardian kpi backfill --from [0-9-]{10} --to ${yesterday}`)
    if (!rows.some(({ alert }) => alert.includes('did not run') && makesUp.test(alert)))
      this.differences.push(`nobody is told that ${scheduleId} did not run: ${rows.map(({ alert }) => alert).join()}`)
  }

  /** Before anything was left out, nobody is to be told. */
  async isQuiet(): Promise<void> {
    const { rows } = await this.kpi.stage.db.query<{ cause: string }>(
      'SELECT a.cause FROM alert_history a WHERE a.fingerprint = $1',
      [`schedules:${scheduleId}`],
    )
    if (rows.length > 0) this.differences.push(`told although every run was made up for: ${rows[0]?.cause ?? ''}`)
  }
}

async function run({ quick, seed, say }: RowSettings) {
  const { within, beyond } = quick ? QUICK : FULL
  const kpi = await KpiStage.open(['2026-01-10'], 500, seed)
  const copy = patchedCopy(PATCHES)
  try {
    await kpi.orchestrator({}, copy.root)
    const handle = kpi.temporal.client.schedule.getHandle(scheduleId)
    const outages = new Outages(kpi, handle, await handle.describe())
    for (let n = 1; n <= within; n++) {
      const dueMs = await outages.across(WITHIN_MS)
      say(`away at ${new Date(dueMs).toISOString()}, back within the window: ${outages.differences.length} differences`)
    }
    await outages.isQuiet()
    for (let n = 1; n <= beyond; n++) {
      const dueMs = await outages.across(BEYOND_MS)
      await outages.isTold()
      say(`away at ${new Date(dueMs).toISOString()}, back beyond it: ${outages.differences.length} differences`)
    }
    const dues = await outages.eachOnce()
    const { differences } = outages
    return {
      held: differences.length === 0,
      figure: `${within + beyond} outages across ${dues} times: each run once, ${beyond} left out and told, ${differences.length} differences`,
      configuration: { everyMs: EVERY_MS, catchupWindowMs: WINDOW_MS, backAfterMs: `${WITHIN_MS} or ${BEYOND_MS}` },
      differences,
    }
  } finally {
    copy.remove()
    await kpi.close()
  }
}

export const row: Row = {
  id: 'B7',
  fault:
    "`kill -9` of the Temporal server before a run is due, and its start within the schedule's catch-up window or beyond it",
  invariant:
    'each time that was due has exactly one run; one that could not be made up for has none, and an alert names the schedule and the command that makes up for it',
  quick: true,
  patches: PATCHES,
  run,
}
