import { Client, Connection } from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import { GuardianError } from '../domain/errors.js'
import { loadConfig } from '../platform/config.js'
import {
  explainTemporal,
  TEMPORAL_CONNECTION_VARIABLES,
  temporalConnection,
  temporalOptions,
} from '../platform/temporal-connection.js'
import { openTracing } from '../platform/tracing.js'
import type { Terminal } from './terminal.js'

const CONNECT_TIMEOUT_MS = 5_000

/**
 * Runs a command's work with a connection to Temporal that is always closed. A run that it begins is the first of a trace, if
 * spans are wanted.
 * @throws ConfigError; GRD_TEMPORAL_UNAVAILABLE naming the address
 */
export async function withTemporal<T>(
  { env }: Pick<Terminal, 'env'>,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const config = loadConfig([...TEMPORAL_CONNECTION_VARIABLES, 'OTEL_EXPORTER_OTLP_ENDPOINT'], env)
  const settings = temporalConnection(config)
  const { address, namespace } = settings
  const connection = await Connection.connect({
    ...temporalOptions(settings),
    connectTimeout: CONNECT_TIMEOUT_MS,
  }).catch(async (cause: unknown) => {
    const reason = (await explainTemporal(cause, settings)) ?? `Temporal at ${address} does not answer`
    throw new GuardianError('GRD_TEMPORAL_UNAVAILABLE', reason, { cause })
  })
  const { value: tracing, stop } = await openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'guardian-cli')
  const workflow = tracing === undefined ? [] : [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracing.tracer })]
  try {
    return await work(new Client({ connection, namespace, interceptors: { workflow } }))
  } finally {
    await stop()
    await connection.close()
  }
}
