import type { Request, RequestHandler, Response } from 'express'
import type { VariableName } from '../../platform/config.js'
import { observeLimit } from '../../platform/limits.js'
import { Counter, Gauge, type Registry } from '../../platform/metrics.js'
import { Admission, OverloadError, type AdmissionSettings } from '../../platform/resilience/admission.js'
import type { Lane, Operation } from '../../schemas/rest/operation.js'
import { ProblemError } from '../problem-error.js'
import { contextOf } from '../request-context.js'

/** How many may be at work and wait, lane by lane: what fills one leaves the others free. */
export type LaneSettings = Readonly<Record<Lane, AdmissionSettings>>

/** Makes the door of one operation. */
export type Admit = (operation: Operation) => RequestHandler

/** Says when to come back: about as long as the queue needs to empty. */
const RETRY_AFTER_SECONDS = 1

/** Bounded concurrency and a bounded queue before every operation but those that must always answer. */
export function createAdmit(lanes: LaneSettings, registry: Registry): Admit {
  const admissions: Readonly<Record<Lane, Admission>> = {
    interactive: new Admission(lanes.interactive),
    reports: new Admission(lanes.reports),
    collector: new Admission(lanes.collector),
    stream: new Admission(lanes.stream),
  }
  observe(admissions, lanes, registry)
  const refused = new Counter({
    name: 'guardian_http_overload_refused_total',
    help: 'Requests that were refused because too many wait, or waited too long',
    labelNames: ['lane', 'reason'],
    registers: [registry],
  })
  return ({ tag, lane = 'interactive' }) => {
    if (tag === 'service' || tag === 'documentation') return (_request, _response, next) => next()
    const admission = admissions[lane]
    return async (request, response, next) => {
      const free = admission.tryEnter()
      if (free !== undefined) {
        hold(free, request, response)
        next()
        return
      }
      const gone = new AbortController()
      const onClose = () => gone.abort(new Error('the caller went away'))
      response.once('close', onClose)
      let release: () => void
      try {
        release = await admission.enter(gone.signal)
      } catch (error) {
        if (!(error instanceof OverloadError)) {
          if (gone.signal.aborted) return // nobody is there to be answered
          throw error
        }
        refused.inc({ lane, reason: error.reason })
        throw new ProblemError('OVERLOADED', error.message, { retryAfterSeconds: RETRY_AFTER_SECONDS })
      } finally {
        response.off('close', onClose)
      }
      hold(release, request, response)
      next()
    }
  }
}

/**
 * A place is given back when the answer is over, and what it waited for too: callers who do not wait for their answers
 * would otherwise have more at work than there are places.
 */
function hold(release: () => void, request: Request, response: Response): void {
  if (response.closed || request.destroyed) release()
  else
    response.once('close', () => {
      const { work = Promise.resolve() } = contextOf(response)
      work.then(release, release)
    })
}

const VARIABLES = {
  interactive: 'API_MAX_AT_WORK',
  reports: 'API_REPORTS_AT_WORK',
  collector: 'API_COLLECTOR_AT_WORK',
  stream: 'API_STREAM_CLIENTS',
} as const satisfies Readonly<Record<Lane, VariableName>>

function observe(admissions: Readonly<Record<Lane, Admission>>, lanes: LaneSettings, registry: Registry): void {
  for (const lane of Object.keys(VARIABLES) as Lane[])
    observeLimit(registry, VARIABLES[lane], { max: lanes[lane].limit, used: () => admissions[lane].atWork })
  const mostWaiting = () => Math.max(...Object.values(admissions).map(({ waiting }) => waiting))
  observeLimit(registry, 'API_MAX_WAITING', { max: lanes.interactive.maxWaiting, used: mostWaiting })
  new Gauge({
    name: 'guardian_http_lane_requests',
    help: 'Requests at work and waiting for their turn',
    labelNames: ['lane', 'state'],
    registers: [registry],
    collect() {
      for (const [lane, { atWork, waiting }] of Object.entries(admissions)) {
        this.set({ lane, state: 'at_work' }, atWork)
        this.set({ lane, state: 'waiting' }, waiting)
      }
    },
  })
}
