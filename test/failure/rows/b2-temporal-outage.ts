import { setTimeout as sleep } from 'node:timers/promises'
import type { WorkflowHandle } from '@temporalio/client'
import { SeededRandom } from '../../../cli/simulate/seeded-random.js'
import { waitUntil } from '../../support/child-process.js'
import { KpiStage } from '../kpi-stage.js'
import { patchedCopy } from '../patched-copy.js'
import type { Row } from '../row.js'

const DAYS = ['2026-01-10', '2026-01-11', '2026-01-12']
const EVENTS = 10_000
/** A computation takes so much longer, so that the outage comes in the middle of it. */
const SLOWER_MS = 3_000

const PATCHES = [
  {
    file: 'activities/kpi/kpi-activities.js',
    from: 'const fence = await deps.raiseFence(day);',
    to: `const fence = await deps.raiseFence(day); await new Promise((resolve) => setTimeout(resolve, ${SLOWER_MS}));`,
  },
]

/** The result of a run, asked for again and again while the server is away. */
async function ended(handle: WorkflowHandle): Promise<void> {
  let reason = ''
  await waitUntil(
    () => `${handle.workflowId} does not end: ${reason}`,
    240_000,
    async () => {
      const { status } = await handle.describe().catch((error: unknown) => {
        reason = String(error)
        return { status: { name: 'UNKNOWN' } }
      })
      if (['FAILED', 'TERMINATED', 'TIMED_OUT'].includes(status.name)) throw new Error(`it has ${status.name}`)
      return status.name === 'COMPLETED'
    },
    500,
  )
}

export const row: Row = {
  id: 'B2',
  fault: '`kill -9` of the Temporal server in the middle of three days, and its start with the same file after a while',
  invariant: "every run goes on by itself and ends once, the tables equal the oracle's, and nothing is left behind",
  quick: true,
  patches: PATCHES,
  run: async ({ quick, seed, say }) => {
    const [rounds, outageMs] = quick ? [1, 5_000] : [3, 30_000]
    const random = new SeededRandom(seed, 2)
    const stage = await KpiStage.open(DAYS, EVENTS, seed)
    const copy = patchedCopy(PATCHES)
    const differences: string[] = []
    try {
      const { temporal } = stage.servers
      if (temporal === undefined) throw new Error('the stack has no Temporal')
      const orchestrator = await stage.orchestrator({}, copy.root)
      for (let round = 1; round <= rounds; round++) {
        const handles: WorkflowHandle[] = []
        for (const day of DAYS) {
          await stage.spoil(day)
          handles.push(await stage.begin(day))
        }
        const afterMs = random.whole(200, SLOWER_MS + 1_000)
        await sleep(afterMs)
        temporal.kill('SIGKILL')
        await sleep(outageMs)
        await temporal.restart()
        for (const [n, handle] of handles.entries()) {
          await ended(handle)
          differences.push(...(await stage.differences(DAYS[n] ?? '', handle)).map((line) => `round ${round}: ${line}`))
        }
        say(`round ${round}: killed after ${afterMs} ms, ${differences.length} differences so far`)
      }
      if (!orchestrator.isRunning) differences.push(`the orchestrator has ended:\n${orchestrator.output}`)
      return {
        held: differences.length === 0,
        figure: `${rounds} outages of ${outageMs / 1_000} s, ${rounds * DAYS.length} runs, ${differences.length} differences`,
        configuration: { eventsPerDay: EVENTS, daysAtOnce: DAYS.length, outageMs },
        differences,
      }
    } finally {
      copy.remove()
      await stage.close()
    }
  },
}
