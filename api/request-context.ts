import type { Response } from 'express'
import type { Principal } from './access/principal.js'

/** What is known of a request from its first middleware to its last log line. */
export interface RequestContext {
  readonly requestId: string
  /** The path of the operation as its table has it, for metrics and logs; never the raw path. */
  route: string
  /** Who calls; undefined for an operation that is open. */
  principal?: Principal
  /** Milliseconds that it took to find out who calls. */
  guardedMs?: number
  /** What the answer waits for. It may go on when the caller has gone, or was told that it takes too long. */
  work?: Promise<unknown>
  /** Whether the caller may still do it, for an answer that goes on. @throws when nobody can tell */
  stillMay?: () => Promise<boolean>
}

const contexts = new WeakMap<Response, RequestContext>()

/** Begins the context of a request; its answer is what it is found by. */
export const setContext = (response: Response, context: RequestContext): void => void contexts.set(response, context)

/** The context of a request. @throws Error for a request that did not pass the first middleware: a fault of the wiring */
export function contextOf(response: Response): RequestContext {
  const context = contexts.get(response)
  if (context === undefined) throw new Error('the request has no context: its first middleware did not run')
  return context
}
