/** An instant as PostgreSQL takes it; null for minus infinity: there is none yet. */
export const instantOf = (ms: number): string | null => (Number.isFinite(ms) ? new Date(ms).toISOString() : null)
