import { TOPICS } from '../domain/events.js'
import type { FreshLog } from '../domain/fresh-log.js'
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
  return [
    spec(policy, TOPICS.clicks, 7 * DAY_MS),
    spec(policy, TOPICS.purchases, 7 * DAY_MS),
    spec(policy, TOPICS.anomalies, 7 * DAY_MS),
    spec(policy, TOPICS.late, 14 * DAY_MS, HEADROOM_BYTES),
    spec(policy, TOPICS.deadLetters, 14 * DAY_MS, HEADROOM_BYTES),
  ]
}

/** The topics of a fresh log. Its anomalies have none: nobody is to act on them. */
export function freshLogSpecs(policy: TopicPolicy, { topic, late, deadLetters }: FreshLog) {
  const aside = { ...policy, partitions: 1 }
  return [
    spec(policy, topic, 7 * DAY_MS),
    spec(aside, late, 7 * DAY_MS, HEADROOM_BYTES),
    spec(aside, deadLetters, 7 * DAY_MS, HEADROOM_BYTES),
  ]
}

const HEADROOM_BYTES = 65_536

const spec = (policy: TopicPolicy, topic: string, retentionMs: number, headroomBytes = 0) => ({
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
