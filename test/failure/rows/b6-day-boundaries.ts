import { isDeepStrictEqual } from 'node:util'
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client'
import { TOPICS } from '../../../domain/events.js'
import { addDays, DAY_MS, parseUtcDay, startOfDayMs, utcDayOf, type UtcDay } from '../../../domain/utc-day.js'
import { writeWorkflowBundle } from '../../../workers/orchestrator/workflow-bundle.js'
import { WORKFLOWS, type DailyKpiResult } from '../../../workflows/contract.js'
import { failureReason } from '../../../workflows/failure-reason.js'
import { waitUntil, type ServiceProcess } from '../../support/child-process.js'
import type { DetectionStage } from '../../support/detection-stage.js'
import { dumpTopics } from '../../support/dump-topic.js'
import { flaggedOn, oracleFigures, publishedFigures } from '../../support/kpi-tables.js'
import { testStack } from '../../support/stack.js'
import { openTemporalClient, removeSchedule } from '../../support/temporal-client.js'
import { withMadeLog, type LogMaker } from '../made-log.js'
import type { Row, RowSettings } from '../row.js'

/** Zones of the process: none of them may move a day. */
const FULL = ['America/New_York', 'Europe/Berlin', 'Pacific/Kiritimati']
const QUICK = ['America/New_York']

/** Days at whose edges somebody's clocks or calendars do something, in the order of the log. */
const DAYS: Readonly<Record<string, string>> = {
  'a leap day': '2024-02-29',
  'the last day of a year': '2025-12-31',
  'midnight UTC': '2026-01-14',
  'New York puts its clocks forward': '2026-03-08',
  'Berlin puts its clocks forward': '2026-03-29',
  'Berlin puts its clocks back': '2026-10-25',
  'New York puts its clocks back': '2026-11-01',
}
const EMPTY = '2026-01-20'
const ORDINARY = parseUtcDay(DAYS['midnight UTC'] ?? '')
const HOUR_MS = 3_600_000

/** Clicks of a day: at its first and its last millisecond, in each of its hours, and so many in its last seconds that they are flagged. */
function clicksOf(maker: LogMaker, day: UtcDay) {
  const start = startOfDayMs(day)
  const hours = Array.from({ length: 24 }, (_, hour) => start + hour * HOUR_MS + HOUR_MS / 2)
  const quick = Array.from({ length: 60 }, (_, n) => start + DAY_MS - 8_000 + n * 100)
  const click = (at: number, n: number, session: string) =>
    maker.click({ event_id: `${day} ${session} ${n}`, session_id: session, event_ts: at, item_id: `item-${n % 5}` })
  return [
    ...[start, ...hours].map((at, n) => click(at, n, `${day} person ${n % 3}`)),
    ...quick.map((at, n) => click(at, n, `${day} quick`)),
    click(start + DAY_MS - 1, 99, `${day} person 0`),
  ]
}

/** A log of the days and of those beside them, archived and decided, and the orchestrator in one zone after the other. */
class Boundaries {
  readonly failures: string[] = []
  held = 0
  #orchestrator: ServiceProcess | undefined
  #others: ServiceProcess[] = []
  #runs = 0

  constructor(
    readonly stage: DetectionStage,
    readonly maker: LogMaker,
    readonly client: Client,
    readonly temporalAddress: string,
  ) {}

  async fill(): Promise<void> {
    for (const text of Object.values(DAYS)) {
      const day = parseUtcDay(text)
      for (const one of [addDays(day, -1), day, addDays(day, 1)]) await this.maker.send(clicksOf(this.maker, one))
    }
    this.#others = [this.stage.startDetector(), this.stage.startArchiver()]
    await this.settle()
  }

  async settle(): Promise<void> {
    const total = [...(await this.stage.logEnds()).values()].reduce((a, b) => a + b, 0)
    await waitUntil(
      () => this.#others.map(({ output }) => output).join('\n'),
      60_000,
      async () => (await this.stage.processed()) >= total && (await this.stage.archived()) >= total,
    )
  }

  async moveTo(zone: string): Promise<void> {
    await this.#orchestrator?.stop()
    const started = this.stage.startOrchestrator(this.temporalAddress, { TZ: zone })
    this.#orchestrator = started
    await waitUntil(
      () => started.output,
      60_000,
      () => Promise.resolve(started.says('orchestrator_started') > 0),
    )
  }

  async check(what: string, work: () => Promise<string | undefined>): Promise<void> {
    const fault = await work().catch((error: unknown) => failureReason(error))
    if (fault === undefined) this.held++
    else this.failures.push(`${what}: ${fault}`)
  }

  run(day: string, workflowId = `boundary-${process.pid}-${++this.#runs}`): Promise<DailyKpiResult> {
    const { type, taskQueue } = WORKFLOWS.dailyKpi
    const args = [{ day, archiveWaitMs: 30_000 }]
    return this.client.workflow.execute(type, { taskQueue, workflowId, args }) as Promise<DailyKpiResult>
  }

  /** @returns what refused it @throws when nothing did */
  async refused(day: string): Promise<string> {
    const done = await this.run(day).catch((error: unknown) => failureReason(error))
    if (typeof done === 'string') return done
    throw new Error(`${day} was computed`)
  }

  /** What the schedule does at the time when it is due for a day. @returns the run's day, by its record */
  async due(day: UtcDay, runsBefore: number): Promise<string | undefined> {
    const due = new Date(startOfDayMs(addDays(day, 1)) + HOUR_MS / 2)
    const around = { start: new Date(due.getTime() - 60_000), end: new Date(due.getTime() + 60_000) }
    await this.client.schedule.getHandle(WORKFLOWS.dailyKpi.scheduleId).backfill({ ...around, overlap: 'ALLOW_ALL' })
    const workflowId = `${WORKFLOWS.dailyKpi.scheduleId}-${due.toISOString().replace('.000Z', 'Z')}`
    const runs = async () =>
      (
        await this.stage.db.query<{ day: string; status: string }>(
          `SELECT r.details->>'day' AS day, r.status FROM pipeline_runs r WHERE r.workflow_id = $1 ORDER BY r.started_ts DESC`,
          [workflowId],
        )
      ).rows
    await waitUntil(
      () => `the run ${workflowId} does not end`,
      60_000,
      async () => {
        const found = await runs()
        return found.length > runsBefore && found[0]?.status !== 'running'
      },
    )
    const found = await runs()
    if (found.length !== runsBefore + 1) return `${found.length} runs in place of ${runsBefore + 1}`
    return found[0]?.status === 'completed' && found[0].day === day ? undefined : JSON.stringify(found[0])
  }

  /** What the tables say otherwise than the oracle. */
  async differs(day: string): Promise<string | undefined> {
    const dump = this.stage.file('dump.jsonl')
    await dumpTopics(dump, this.stage.brokers, [TOPICS.clicks, TOPICS.purchases])
    const { schemaIds } = this.maker
    const kinds = { [schemaIds[TOPICS.clicks] ?? 0]: 'click', [schemaIds[TOPICS.purchases] ?? 0]: 'purchase' } as const
    const expected = oracleFigures(dump, kinds, day, await flaggedOn(this.stage.db, day))
    return isDeepStrictEqual(await publishedFigures(this.stage.db, day), expected)
      ? undefined
      : "not the oracle's figures"
  }

  /** Events of a day, as published. */
  async events(day: string): Promise<number> {
    const { all } = await publishedFigures(this.stage.db, day)
    return Number(all?.metrics['events'])
  }
}

const EVENTS_A_DAY = 1 + 24 + 60 + 1

/** The days, each when its schedule is due. */
async function checkDays(at: Boundaries, zone: string, round: number): Promise<void> {
  for (const [what, text] of Object.entries(DAYS))
    await at.check(`${zone}, ${what}`, async () => {
      const day = parseUtcDay(text)
      const fault = (await at.due(day, round)) ?? (await at.differs(day))
      const late = day === ORDINARY ? round : 0
      const events = await at.events(day)
      return fault ?? (events === EVENTS_A_DAY + late ? undefined : `${events} events`)
    })
}

/** What else may happen to a day. */
async function checkRuns(at: Boundaries, zone: string, round: number): Promise<void> {
  await at.check(`${zone}, an empty day`, async () => {
    await at.run(EMPTY)
    return (await at.differs(EMPTY)) ?? ((await at.events(EMPTY)) === 0 ? undefined : 'it has events')
  })
  await at.check(`${zone}, the same day twice`, async () => {
    const [before, again] = [await publishedFigures(at.stage.db, ORDINARY), await at.run(ORDINARY)]
    const isSame = isDeepStrictEqual(await publishedFigures(at.stage.db, ORDINARY), before)
    return isSame && again.published.changedFigures === 0 ? undefined : 'another result'
  })
  await at.check(`${zone}, the same day at once`, async () => {
    const id = `${WORKFLOWS.dailyKpi.workflowId(ORDINARY)}-${round}`
    const outcomes = await Promise.allSettled([at.run(ORDINARY, id), at.run(ORDINARY, id)])
    const refused = outcomes.filter(
      (one) => one.status === 'rejected' && one.reason instanceof WorkflowExecutionAlreadyStartedError,
    )
    return refused.length === 1 ? at.differs(ORDINARY) : `${refused.length} of two were refused`
  })
  await at.check(`${zone}, two runs of the same day at once`, async () => {
    const outcomes = await Promise.allSettled([at.run(ORDINARY), at.run(ORDINARY)])
    const isDone = outcomes.some(({ status }) => status === 'fulfilled')
    return isDone ? at.differs(ORDINARY) : 'both failed'
  })
  await at.check(`${zone}, late data after the day was published`, async () => {
    const event = {
      event_id: `late ${zone}`,
      session_id: `late ${zone}`,
      event_ts: startOfDayMs(ORDINARY) + DAY_MS - 1,
    }
    await at.maker.send([at.maker.click(event)])
    await at.settle()
    const { published } = await at.run(ORDINARY)
    return published.causes.lateRows === 1 ? at.differs(ORDINARY) : `${published.causes.lateRows} late rows`
  })
  await at.check(`${zone}, a day that is not over`, async () => {
    const today = utcDayOf(Date.now())
    const said = [await at.refused(today), await at.refused(addDays(today, 400))]
    return said.every((text) => text.includes('is not over until')) ? undefined : said.join('; ')
  })
  await at.check(`${zone}, days that there are not`, async () => {
    const said = [await at.refused('2026-02-30'), await at.refused('2025-02-29'), await at.refused('2026-13-01')]
    return said.every((text) => text.includes('not a day')) ? undefined : said.join('; ')
  })
}

async function run({ quick, say }: RowSettings) {
  const zones = quick ? QUICK : FULL
  await writeWorkflowBundle()
  const { temporalAddress } = await testStack('temporal')
  const { client, close } = await openTemporalClient(temporalAddress)
  const schedules = Object.values(WORKFLOWS).flatMap((one) => ('scheduleId' in one ? [one.scheduleId] : []))
  const removeSchedules = async () => {
    for (const id of schedules) await removeSchedule(client, id)
  }
  try {
    await removeSchedules()
    return await withMadeLog(async (stage, maker) => {
      const at = new Boundaries(stage, maker, client, temporalAddress)
      await at.fill()
      for (const [round, zone] of zones.entries()) {
        await at.moveTo(zone)
        await checkDays(at, zone, round)
        await checkRuns(at, zone, round)
        say(`${zone}: ${at.held} cases held, ${at.failures.length} did not`)
      }
      const cases = at.held + at.failures.length
      return {
        held: at.failures.length === 0 && cases === 14 * zones.length,
        figure: `${at.held}/${cases} cases, 14 in each of ${zones.length} time zones of the process`,
        configuration: { zones: zones.join(' '), days: Object.keys(DAYS).length, eventsPerDay: EVENTS_A_DAY },
        differences: at.failures,
      }
    })
  } finally {
    await removeSchedules()
    await close()
  }
}

export const row: Row = {
  id: 'B6',
  fault:
    "days at whose edges clocks or calendars do something (midnight UTC, four changes of clocks, a leap day, a year's end), each at the time when its schedule is due, the process in time zones of its own; an empty day, a day run twice, twice at once, with late data, not over, or not in any calendar",
  invariant:
    "every day is the 24 hours of UTC, its run is for the day before it was due, and its tables equal the oracle's",
  quick: true,
  run,
}
