import { asActivity } from '../activity-failure.js'

export interface LookDeps {
  /** Alerts decided before an instant that some channel still owes. */
  readonly listUndelivered: (before: Date, limit: number) => Promise<string[]>
}

/** A delivery that is younger is being begun by the look that decided it. */
const LEFT_BEHIND_MS = 120_000
const MAX_LEFT_BEHIND = 100

/** Activities that all looks share. All may be repeated. */
export const createLookActivities = ({ listUndelivered }: LookDeps) => ({
  /** Alerts that are owed for longer than a look takes to begin their delivery. @param at of the look, ISO 8601 */
  listUndelivered: ({ at }: { readonly at: string }): Promise<string[]> =>
    asActivity(() => listUndelivered(new Date(Date.parse(at) - LEFT_BEHIND_MS), MAX_LEFT_BEHIND)),
})

export type LookActivities = ReturnType<typeof createLookActivities>
