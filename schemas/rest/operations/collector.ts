import { eventsBody, eventsOutline, EventResults } from '../events.js'
import { bare, json, type Operation } from '../operation.js'

/** @param batchMax how many events one request may bring */
export const collectorOperations = (batchMax: number) =>
  ({
    collectEvents: {
      ...bare,
      method: 'post',
      path: '/events',
      tag: 'collector',
      access: 'collector',
      lane: 'collector',
      isCrossOrigin: true,
      isRepeatable: false, // each event has an id of its own
      summary: 'Takes clicks and purchases, one or a batch; answers when Kafka has them on all in-sync replicas',
      body: eventsOutline(batchMax),
      documentedBody: eventsBody(batchMax),
      answers: {
        200: json('All were taken', EventResults),
        207: json('Some were taken, some rejected: `results` says which', EventResults),
      },
      problems: ['EVENTS_REJECTED', 'EVENT_TS_REQUIRED', 'ORIGIN_NOT_ALLOWED', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
