import { createRequire } from 'node:module'
import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
} from '@temporalio/interceptors-opentelemetry'
import type { ActivityInterceptors, WorkerOptions } from '@temporalio/worker'
import { redactError } from '../../platform/redact.js'
import type { Tracing } from '../../platform/tracing.js'
import { bundlePath, bundleWorkflows } from './workflow-bundle.js'

/** What an activity throws goes into the history and from there to alerts and the API: without credentials. */
const censoring = (): ActivityInterceptors => ({
  inbound: {
    execute: async (input, next) => {
      try {
        return await next(input)
      } catch (error) {
        throw redactError(error)
      }
    },
  },
})

type WorkflowCode = Pick<WorkerOptions, 'workflowBundle' | 'interceptors' | 'sinks'>

/**
 * What workers run: the bundle that the build has made, or, when spans are wanted, one with the interceptors that make
 * them, bundled now. Without a collector no workflow knows of tracing, and histories replay as they were made.
 */
export async function workflowCode(tracing: Tracing | undefined): Promise<WorkflowCode> {
  if (tracing === undefined)
    return { workflowBundle: { codePath: bundlePath }, interceptors: { activity: [censoring] } }
  const { tracer, spanProcessor, resource } = tracing
  const { resolve } = createRequire(import.meta.url)
  const interceptors = [resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors')]
  return {
    workflowBundle: { code: await bundleWorkflows(interceptors) },
    interceptors: {
      activity: [
        censoring,
        (context) => ({
          inbound: new OpenTelemetryActivityInboundInterceptor(context, { tracer }),
          outbound: new OpenTelemetryActivityOutboundInterceptor(context),
        }),
      ],
    },
    sinks: { exporter: makeWorkflowExporter(spanProcessor, resource) },
  }
}
