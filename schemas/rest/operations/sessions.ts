import { bare, json, type Operation } from '../operation.js'
import { sessionEventsQuery, SessionEvents, SessionParams, SessionSummary } from '../sessions.js'

const session = {
  ...bare,
  tag: 'detection',
  access: 'viewer',
  lane: 'reports',
  params: SessionParams,
  problems: ['SESSION_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
} as const

/** Sessions, as the log has them. @param pageLimitMax how many events a page may have */
export const sessionOperations = (pageLimitMax: number) =>
  ({
    getSessionSummary: {
      ...session,
      path: '/sessions/{session_id}',
      summary: 'When a session was seen, its anomalies, and how close it came to each rule',
      answers: { 200: json('The summary', SessionSummary) },
    },
    listSessionEvents: {
      ...session,
      path: '/sessions/{session_id}/events',
      summary: 'The events of a session as they lie in the log',
      query: sessionEventsQuery(pageLimitMax),
      answers: { 200: json('One page', SessionEvents) },
    },
  }) as const satisfies Readonly<Record<string, Operation>>
