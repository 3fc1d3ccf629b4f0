import { setTimeout as sleep } from 'node:timers/promises'
import type { NativeConnection } from '@temporalio/worker'
import { GuardianError } from '../../domain/errors.js'
import { SEARCH_ATTRIBUTES } from '../../workflows/contract.js'

/** Temporal's number of the type keyword: texts that are compared whole. */
const KEYWORD = 2
const VISIBLE_WITHIN_MS = 10_000
const POLL_MS = 200

/**
 * Makes sure that Temporal knows the search attributes that workflows set: a run that sets an unknown one would get stuck.
 * May be repeated, also at the same time.
 * @throws GRD_BAD_INPUT when one of them has another type; GRD_TEMPORAL_UNAVAILABLE when they are not taken
 */
export async function ensureSearchAttributes(connection: NativeConnection, namespace: string): Promise<void> {
  const names = Object.values(SEARCH_ATTRIBUTES).map(({ name }) => name)
  const known = async () => (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes
  const before = await known()
  const wrong = names.filter((name) => (before[name] ?? KEYWORD) !== KEYWORD)
  if (wrong.length > 0)
    throw new GuardianError('GRD_BAD_INPUT', `search attribute ${wrong.join(', ')} of ${namespace} is no keyword`)
  const missing = names.filter((name) => before[name] === undefined)
  if (missing.length === 0) return
  const searchAttributes = Object.fromEntries(missing.map((name) => [name, KEYWORD]))
  const refused = await connection.operatorService.addSearchAttributes({ namespace, searchAttributes }).then(
    () => undefined,
    (error: unknown) => error,
  )
  const giveUpAt = performance.now() + VISIBLE_WITHIN_MS
  for (let found = await known(); names.some((name) => found[name] === undefined); found = await known()) {
    if (performance.now() > giveUpAt)
      throw new GuardianError(
        'GRD_TEMPORAL_UNAVAILABLE',
        `the namespace ${namespace} has no search attribute ${missing.join(', ')}: add them as Keyword`,
        { cause: refused },
      )
    await sleep(POLL_MS)
  }
}
