import type { AnomalyRow } from '../../db/stores/anomaly-rows.js'
import { tracePast, type Tracing } from '../../platform/tracing.js'

/** Puts the raising of anomalies into the traces that their events came in: from the log append time to the decision. */
export function traceRaised(tracing: Tracing, rows: readonly AnomalyRow[]): void {
  for (const { topic, partition, anomaly, detectedMs } of rows) {
    const { ruleId, ruleVersion, mode, status, kafkaMs, evidence } = anomaly
    const { traceparent, offset } = evidence.crossed
    if (status !== 'open' || traceparent === undefined) continue
    tracePast(tracing, {
      name: `detect ${ruleId}`,
      headers: { traceparent },
      fromMs: kafkaMs,
      toMs: detectedMs,
      facts: {
        'messaging.system': 'kafka',
        'messaging.destination.name': topic,
        'messaging.destination.partition.id': String(partition),
        'messaging.kafka.offset': offset,
        'guardian.rule.id': ruleId,
        'guardian.rule.version': ruleVersion,
        'guardian.mode': mode,
      },
    })
  }
}
