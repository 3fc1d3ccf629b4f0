import { setTimeout as sleep } from 'node:timers/promises'
import { WorkflowFailedError, type WorkflowExecutionDescription, type WorkflowHandle } from '@temporalio/client'
import type { Terminal } from './terminal.js'

const POLL_MS = 500
/** A task that nobody has taken for so long has nobody to take it. */
const UNTAKEN_MS = 5_000

/**
 * Waits for a run to end, and looks at it from time to time until then.
 * @throws Error with the first cause when it has failed
 */
export async function untilEnded<T>(handle: WorkflowHandle, look: () => Promise<void>): Promise<T> {
  const ended = new AbortController()
  const result = resultOf<T>(handle).finally(() => ended.abort())
  result.catch(() => undefined) // awaited below
  while (!ended.signal.aborted) {
    await look()
    await Promise.race([sleep(POLL_MS), result.catch(() => undefined)])
  }
  return result
}

/** Waits for a run to end, and says until then what it is at, as often as that changes. @throws as `untilEnded` does */
export function watchRun<T>(handle: WorkflowHandle, { say }: Pick<Terminal, 'say'>): Promise<T> {
  let told = ''
  return untilEnded<T>(handle, async () => {
    const doing = await handle.describe().then(
      (run) => doingOf(run, Date.now()),
      () => told, // Temporal is asked again, and the result tells if it stays away
    )
    if (doing !== told && doing !== '') say(doing)
    told = doing
  })
}

/** What a run is at, by what Temporal's server knows: the activities under way, and what keeps them. */
export function doingOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>, nowMs: number): string {
  const activities = (raw.pendingActivities ?? []).map(({ activityType, attempt, lastFailure, heartbeatDetails }) => {
    const again =
      (attempt ?? 1) > 1 ? `, attempt ${attempt}: ${lastFailure?.message ?? 'the one before has not ended'}` : ''
    return `${activityType?.name ?? 'an activity'}${again}${saidIn(heartbeatDetails?.payloads?.[0]?.data)}`
  })
  if (activities.length > 0) return activities.join('; ')
  const scheduled = raw.pendingWorkflowTask?.originalScheduledTime?.seconds
  const isUntaken = scheduled !== undefined && scheduled !== null && nowMs - Number(scheduled) * 1_000 > UNTAKEN_MS
  return isUntaken ? 'nobody has taken it yet: does the orchestrator run?' : ''
}

/** What an activity says of itself with its heartbeat, if that is a text or has a `summary`. */
function saidIn(json: Uint8Array | null | undefined): string {
  if (!json) return ''
  try {
    const said: unknown = JSON.parse(Buffer.from(json).toString('utf8'))
    if (typeof said === 'object' && said !== null && 'summary' in said) return `: ${String(said.summary)}`
    return typeof said === 'string' ? `: ${said}` : ''
  } catch (error) {
    if (error instanceof SyntaxError) return '' // none of ours
    throw error
  }
}

async function resultOf<T>(handle: WorkflowHandle): Promise<T> {
  try {
    return (await handle.result()) as T
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error
    let at: unknown = error
    while (at instanceof Error && at.cause instanceof Error) at = at.cause
    throw new Error(at instanceof Error ? at.message : `${handle.workflowId} failed`, { cause: error })
  }
}
