import { Client } from '@temporalio/client'
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker'

let isQuiet = false

/** Keeps the SDK's lines out of the report of the tests. The SDK has one runtime per process: call it before anything. */
export function quietTemporal(): void {
  if (isQuiet) return
  isQuiet = true
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    shutdownSignals: [],
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }) } },
  })
}

export interface TemporalClient {
  readonly client: Client
  readonly connection: NativeConnection
  readonly close: () => Promise<void>
}

/** A client of the test stack's Temporal. */
export async function openTemporalClient(address: string): Promise<TemporalClient> {
  quietTemporal()
  const connection = await NativeConnection.connect({ address })
  return { client: new Client({ connection }), connection, close: () => connection.close() }
}

/** Ends every run that is under way: it belongs to a database that is about to go. */
export async function terminateRunning(client: Client): Promise<void> {
  for await (const run of client.workflow.list({ query: 'ExecutionStatus = "Running"' }))
    await client.workflow
      .getHandle(run.workflowId)
      .terminate()
      .catch(() => undefined)
}

/** Removes a schedule, if it is there. */
export async function removeSchedule(client: Client, id: string): Promise<void> {
  for await (const schedule of client.schedule.list())
    if (schedule.scheduleId === id) await client.schedule.getHandle(id).delete()
}
