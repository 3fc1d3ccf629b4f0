import { TOPICS } from '../domain/events.js'
import { DAY_MS } from '../domain/utc-day.js'

export interface TopicPolicy {
  readonly partitions: number
  readonly replicationFactor: number
  readonly minInsyncReplicas: number
  readonly maxRecordBytes: number
}

/**
 * Every topic of the system, as it is created. Log append time is what late and future events are told by; anomalies
 * have it too, so that a subscriber's lag means the same everywhere. Dead and late records are kept longer than their
 * origin, and may be a little larger than it, because headers come on top.
 */
export function topicSpecs(policy: TopicPolicy) {
  const spec = (topic: string, retentionMs: number, headroomBytes = 0) => ({
    topic,
    partitions: policy.partitions,
    replicationFactor: policy.replicationFactor,
    config: {
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(retentionMs),
      'min.insync.replicas': String(policy.minInsyncReplicas),
      'max.message.bytes': String(policy.maxRecordBytes + headroomBytes),
    },
  })
  return [
    spec(TOPICS.clicks, 7 * DAY_MS),
    spec(TOPICS.purchases, 7 * DAY_MS),
    spec(TOPICS.anomalies, 7 * DAY_MS),
    spec(TOPICS.late, 14 * DAY_MS, 65_536),
    spec(TOPICS.deadLetters, 14 * DAY_MS, 65_536),
  ]
}
