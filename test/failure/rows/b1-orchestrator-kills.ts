import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { waitUntil } from '../../support/child-process.js'
import { KpiStage, shortenTimeouts } from '../kpi-stage.js'
import { patchedCopy, type Patch, type PatchedCopy } from '../patched-copy.js'
import type { Row, RowSettings } from '../row.js'

const DAYS = ['2026-01-10', '2026-01-11', '2026-01-12']
const EVENTS = 10_000

const crashAt = (when: string) =>
  `if (process.env.CRASH_AT === crashingActivity() + ':${when}') process.kill(process.pid, 'SIGKILL'); `
const NAME = `import { activityInfo as crashInfo } from '@temporalio/activity';
const crashingActivity = () => { try { return crashInfo().activityType } catch { return '' } };
`

/** Where the orchestrator is killed: which activity, and how far it is. */
const PATCHES: readonly Patch[] = [
  {
    file: 'activities/activity-failure.js',
    from: 'export async function asActivity',
    to: `${NAME}export async function asActivity`,
  },
  {
    file: 'activities/activity-failure.js',
    from: 'const running = work();',
    to: `${crashAt('before')}const running = work().then((done) => { ${crashAt('after')}return done; });`,
  },
  {
    file: 'activities/kpi/kpi-activities.js',
    from: 'const fence = await deps.raiseFence(day);',
    to: `const fence = await deps.raiseFence(day); ${crashAt('fenced')}`,
  },
  {
    file: 'activities/kpi/kpi-activities.js',
    from: 'const behind = behindOf(ends, await deps.archivePositions());',
    to: `const behind = behindOf(ends, await deps.archivePositions()); ${crashAt('looked')}`,
  },
  {
    file: 'activities/kpi/kpi-activities.js',
    from: 'cancellationSignal().throwIfAborted();',
    to: `cancellationSignal().throwIfAborted(); ${crashAt('computed')}`,
  },
  {
    file: 'activities/kpi/kpi-activities.js',
    from: 'export const createKpiActivities',
    to: `${NAME}export const createKpiActivities`,
  },
  {
    file: 'db/with-transaction.js',
    from: 'export async function withTransaction',
    to: `${NAME}export async function withTransaction`,
  },
  {
    file: 'db/with-transaction.js',
    from: 'await commit(connection);',
    to: `${crashAt('written')}await commit(connection);`,
  },
]

const ACTIVITIES = ['recordRunStarted', 'readLogEnds', 'awaitArchive', 'computeDay', 'publishDay', 'recordRunEnded']
const POINTS = [
  ...ACTIVITIES.flatMap((activity) => [`${activity}:before`, `${activity}:after`]),
  ...['awaitArchive:looked', 'computeDay:fenced', 'computeDay:computed', 'publishDay:written'],
]
const QUICK_POINTS = ['computeDay:fenced', 'publishDay:written', 'publishDay:after', 'recordRunEnded:after']

async function killedAt(stage: KpiStage, copy: PatchedCopy, point: string, day: string): Promise<string[]> {
  await stage.spoil(day)
  const doomed = await stage.orchestrator({ CRASH_AT: point }, copy.root)
  const handle = await stage.begin(day)
  await waitUntil(
    () => `it is not killed at ${point}:\n${doomed.output}`,
    60_000,
    () => Promise.resolve(!doomed.isRunning),
  )
  if ((await doomed.exited) !== null) return [`at ${point} it has ended by itself:\n${doomed.output}`]
  const heir = await stage.orchestrator()
  try {
    await handle.result()
    return (await stage.differences(day, handle)).map((line) => `${point}: ${line}`)
  } catch (error) {
    return [`${point}: ${error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error)}`]
  } finally {
    await heir.kill()
  }
}

async function run({ quick, seed, say }: RowSettings) {
  const points = quick ? QUICK_POINTS : POINTS
  const rounds = quick ? 1 : 2
  const random = new SeededRandom(seed, 1)
  const stage = await KpiStage.open(DAYS, EVENTS, seed)
  const copy = patchedCopy(PATCHES)
  const differences: string[] = []
  let identical = 0
  try {
    shortenTimeouts(copy.root)
    for (let round = 1; round <= rounds; round++)
      for (const point of points) {
        const found = await killedAt(stage, copy, point, DAYS[random.whole(0, DAYS.length - 1)] ?? '')
        if (found.length === 0) identical++
        differences.push(...found)
        say(`round ${round}: killed at ${point}, ${found.length} differences`)
      }
    return {
      held: differences.length === 0,
      figure: `${identical}/${points.length * rounds} runs equal to the oracle, killed at ${points.length} points`,
      configuration: {
        eventsPerDay: EVENTS,
        days: DAYS.length,
        points: points.length,
        rounds,
        activityTimeoutsMs: '4000, 6000',
      },
      differences,
    }
  } finally {
    copy.remove()
    await stage.close()
  }
}

export const row: Row = {
  id: 'B1',
  fault:
    '`kill -9` of the orchestrator before, in the middle of, and after every activity of `dailyKpi`, before it is acknowledged',
  invariant:
    "the run is taken up by another orchestrator and ends once; the tables equal the oracle's, and nothing is left behind",
  quick: true,
  patches: PATCHES,
  run,
}
