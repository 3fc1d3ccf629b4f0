/** `later`: not there yet, but `npm start` gets it by itself. `down`: does not run now. */
const CHECK_STATES = ['ok', 'later', 'down', 'missing'] as const
export type CheckState = (typeof CHECK_STATES)[number]

/** One thing that was looked at. */
export interface Check {
  readonly name: string
  readonly state: CheckState
  /** What was found. */
  readonly found: string
  /** What to do about it; null when there is nothing to do. */
  readonly remedy: string | null
}

/** A check that found what it looked for. */
export const ok = (name: string, found: string): Check => ({ name, state: 'ok', found, remedy: null })

/** A table of checks for a person: name, state, what was found, and below it what to do. */
export function checkLines(checks: readonly Check[]): string[] {
  const nameWidth = Math.max(...checks.map(({ name }) => name.length))
  const stateWidth = Math.max(...CHECK_STATES.map((state) => state.length))
  const indent = ' '.repeat(nameWidth + stateWidth + 4)
  return checks.flatMap(({ name, state, found, remedy }) => [
    `${name.padEnd(nameWidth)}  ${state.padEnd(stateWidth)}  ${found}`,
    ...(remedy === null ? [] : [`${indent}→ ${remedy}`]),
  ])
}
