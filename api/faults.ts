import type { Fault } from '../schemas/rest/problem.js'
import { printable } from './query-string.js'

interface Issue {
  readonly code: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

const MAX_FAULTS = 20

/** What is wrong, field by field; at most 20. @param where the part of the request: `query`; empty for none */
export function faultsOf(where: string, issues: readonly Issue[] = []): Fault[] {
  const prefix = where === '' ? [] : [where]
  return issues
    .flatMap(({ path, message, keys }) => {
      const at = [...prefix, ...path.map(String)].map(printable)
      return keys === undefined
        ? [{ path: at.join('.'), message }]
        : keys.map((key) => ({ path: [...at.slice(0, prefix.length), printable(key)].join('.'), message: 'unknown' }))
    })
    .slice(0, MAX_FAULTS)
}
