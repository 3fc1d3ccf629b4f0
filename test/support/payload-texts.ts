import type { Client } from '@temporalio/client'

/** Every text in a history, those in payloads as Temporal keeps them: decoded, since none of ours is encrypted. */
function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('utf8')]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(textsIn) : []
}

/** All that Temporal keeps of the runs of some types of workflows, as one text. */
export async function keptText({ workflow }: Client, types: readonly string[]): Promise<string> {
  const texts: string[] = []
  const query = `WorkflowType IN (${types.map((type) => `'${type}'`).join(', ')})`
  for await (const { workflowId, runId } of workflow.list({ query }))
    texts.push(...textsIn(await workflow.getHandle(workflowId, runId).fetchHistory()))
  return texts.join('\n')
}
