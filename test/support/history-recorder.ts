import { writeFileSync } from 'node:fs'
import { Worker } from '@temporalio/worker'
import { bundlePath, writeWorkflowBundle } from '../../workers/orchestrator/workflow-bundle.js'
import { historyFile, historyToText } from './history-json.js'
import { useTestStack } from './stack.js'
import { openTemporalClient, type TemporalClient } from './temporal-client.js'

/** A real Temporal on which histories are recorded. */
export interface HistoryRecorder {
  readonly temporal: () => TemporalClient
  /** Has a worker of a queue with these activities at hand while work goes on. */
  readonly withWorker: (taskQueue: string, activities: object, work: () => Promise<void>) => Promise<void>
  /** Stores the history of a run that has ended. */
  readonly save: (name: string, workflowId: string) => Promise<void>
}

/** What the activities that record runs do while histories are recorded: nothing. */
export const recordNothing = { recordRunStart: () => Promise.resolve(), recordRunEnd: () => Promise.resolve() }

/** Begins and ends with the suite that calls it. */
export function useHistoryRecorder(): HistoryRecorder {
  const stack = useTestStack('temporal')
  let temporal: TemporalClient
  before(async () => {
    await writeWorkflowBundle()
    temporal = await openTemporalClient(stack().temporalAddress)
  })
  after(() => temporal.close())
  return {
    temporal: () => temporal,
    withWorker: async (taskQueue, activities, work) => {
      const { connection } = temporal
      const options = { taskQueue, workflowBundle: { codePath: bundlePath }, identity: 'recorder' }
      const worker = await Worker.create({ connection, ...options, activities })
      await worker.runUntil(work)
    },
    save: async (name, workflowId) => {
      const history = await temporal.client.workflow.getHandle(workflowId).fetchHistory()
      writeFileSync(historyFile(name), historyToText(history))
    },
  }
}
