import { Client, Connection } from '@temporalio/client'
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry'
import { GuardianError } from '../domain/errors.js'
import { loadConfig } from '../platform/config.js'
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
  const config = loadConfig(['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'OTEL_EXPORTER_OTLP_ENDPOINT'], env)
  const { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace } = config
  const connection = await Connection.connect({ address, connectTimeout: CONNECT_TIMEOUT_MS }).catch(
    (cause: unknown) => {
      throw new GuardianError('GRD_TEMPORAL_UNAVAILABLE', `Temporal at ${address} does not answer`, { cause })
    },
  )
  const { value: tracing, stop } = await openTracing(config.OTEL_EXPORTER_OTLP_ENDPOINT, 'guardian-cli')
  const workflow = tracing === undefined ? [] : [new OpenTelemetryWorkflowClientInterceptor({ tracer: tracing.tracer })]
  try {
    return await work(new Client({ connection, namespace, interceptors: { workflow } }))
  } finally {
    await stop()
    await connection.close()
  }
}
