import { patched, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow'
import { SEARCH_ATTRIBUTES, type RunTrigger } from './contract.js'
import { scheduledStart } from './scheduled-day.js'

/**
 * Lets a run be found in the Web UI by its day and by what began it. Nothing personal is ever among them: Temporal keeps
 * search attributes in the clear. @param day that the run is for, if it is for one
 */
export function makeSearchable(day?: string): void {
  if (!patched('runs-are-searchable')) return
  upsertSearchAttributes([
    { key: SEARCH_ATTRIBUTES.trigger, value: triggerOf() },
    ...(day === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.day, value: day }]),
  ])
}

function triggerOf(): RunTrigger {
  const { parent, typedSearchAttributes } = workflowInfo()
  if (parent !== undefined) return 'workflow'
  return typedSearchAttributes.get(scheduledStart) === undefined ? 'request' : 'schedule'
}
