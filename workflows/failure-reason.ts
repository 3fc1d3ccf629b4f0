/** What went wrong at the bottom of it: Temporal wraps the failure of an activity, and that of a child, in one of its own. */
export function failureReason(error: unknown): string {
  let at = error
  while (at instanceof Error && at.cause instanceof Error) at = at.cause
  return at instanceof Error ? at.message : String(at)
}
