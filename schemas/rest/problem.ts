import { z } from 'zod'

/** Every problem the API answers with: its stable code, its status, and its title. */
export const PROBLEMS = {
  BAD_REQUEST: { status: 400, title: 'The request does not fit the contract' },
  MALFORMED_URL: { status: 400, title: 'The URL cannot be decoded' },
  MALFORMED_REQUEST: { status: 400, title: 'It is no HTTP request' },
  MALFORMED_BODY: { status: 400, title: 'The body cannot be decoded' },
  EVENTS_REJECTED: { status: 400, title: 'None of the events can be taken' },
  EVENT_TS_REQUIRED: { status: 400, title: 'An event with an event_id needs an event_ts' },
  UNAUTHENTICATED: { status: 401, title: 'A valid key is needed' },
  FORBIDDEN: { status: 403, title: 'The role of this key does not allow it' },
  CROSS_SITE: { status: 403, title: 'The change was not asked for by a page of this server' },
  ORIGIN_NOT_ALLOWED: { status: 403, title: 'Pages of this origin may not call it' },
  KEY_NOT_FOUND: { status: 404, title: 'There is no such key' },
  USER_NOT_FOUND: { status: 404, title: 'There is no such user' },
  ROUTE_NOT_FOUND: { status: 404, title: 'There is nothing at this address' },
  ALERT_NOT_FOUND: { status: 404, title: 'There is no such alert' },
  SILENCE_NOT_FOUND: { status: 404, title: 'There is no such silence' },
  ENTRY_NOT_FOUND: { status: 404, title: 'There is no such entry of the allowlist' },
  ALLOWLIST_FULL: { status: 409, title: 'The allowlist has as many entries as it may have' },
  SESSION_NOT_FOUND: { status: 404, title: 'There is no such session' },
  JOB_NOT_FOUND: { status: 404, title: 'There is no such work' },
  SCHEDULE_NOT_FOUND: { status: 404, title: 'There is no such schedule' },
  TOPIC_NOT_FOUND: { status: 404, title: 'There is no such fresh log' },
  ANOMALY_NOT_FOUND: { status: 404, title: 'There is no such anomaly' },
  RECORD_NOT_FOUND: { status: 404, title: 'There is no such record in quarantine' },
  RECORD_DOES_NOT_FIT: { status: 409, title: 'The figures of the day cannot hold the record' },
  RULE_NOT_FOUND: { status: 404, title: 'There is no such version of a rule' },
  BACK_TEST_NOT_FOUND: { status: 404, title: 'There is no such back-test' },
  TOO_MANY_BACK_TESTS: { status: 409, title: 'Too many back-tests are open' },
  WRONG_STATE: { status: 409, title: 'It is not in a state that allows this' },
  LAST_ADMIN: { status: 409, title: 'Nobody else could let anybody in' },
  EMAIL_TAKEN: { status: 409, title: 'Another user has this e-mail address' },
  TOO_MANY_USERS: { status: 409, title: 'There are as many users as there may be' },
  IDEMPOTENCY_IN_FLIGHT: { status: 409, title: 'The same request is being answered, or how it ended is not known' },
  IDEMPOTENCY_ANSWER_LOST: { status: 409, title: 'The same request was at its change when its process ended' },
  IDEMPOTENCY_SPENT: { status: 409, title: 'The same request was answered with a secret that is shown once' },
  PRECONDITION_FAILED: { status: 412, title: 'It has been changed since you read it' },
  IDEMPOTENCY_MISMATCH: { status: 422, title: 'This Idempotency-Key was used for another request' },
  BAD_RULE: { status: 422, title: 'The rule cannot decide' },
  PRECONDITION_REQUIRED: { status: 428, title: 'The change has to say which version it is for' },
  DAY_NOT_PUBLISHED: { status: 404, title: 'No figures of this day are published' },
  DAY_NOT_RECONCILED: { status: 404, title: 'The anomalies of this day were not held against the archive' },
  STREAM_POSITION_GONE: { status: 410, title: 'What was missed of the stream cannot be given any more' },
  METHOD_NOT_ALLOWED: { status: 405, title: 'The method is not allowed here' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive' },
  HEADERS_TOO_LARGE: { status: 431, title: 'Request line and headers are too large' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is too large' },
  BODY_NOT_SUPPORTED: { status: 415, title: 'A body of this kind is not supported here' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  INTERNAL: { status: 500, title: 'The request could not be answered' },
  OVERLOADED: { status: 503, title: 'There are too many requests at once' },
  ANSWER_TOO_LATE: { status: 503, title: 'The answer takes longer than it may' },
  OUTCOME_UNKNOWN: { status: 503, title: 'Whether the change was made is not known' },
  DEPENDENCY_UNAVAILABLE: { status: 503, title: 'A service that is needed does not answer' },
} as const

export type ProblemCode = keyof typeof PROBLEMS

const codes = Object.keys(PROBLEMS) as [ProblemCode, ...ProblemCode[]]

export const Fault = z
  .strictObject({
    path: z.string().meta({ description: 'Where: `query.limit`, `params.id`, `body.rules.0`', example: 'query.limit' }),
    message: z.string().meta({ description: 'What is wrong with it; never its value' }),
  })
  .meta({ id: 'Fault' })
export type Fault = z.output<typeof Fault>

export const Problem = z
  .strictObject({
    type: z.string().meta({ example: 'urn:guardian:problem:bad-request' }),
    title: z.string(),
    status: z.int().min(400).max(599),
    detail: z.string(),
    code: z.enum(codes).meta({ description: 'Stable; programs may decide by it' }),
    request_id: z.string().meta({ description: 'Also in the header x-request-id, and in the log' }),
    errors: z.array(Fault).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' })
export type Problem = z.output<typeof Problem>
