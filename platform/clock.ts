/** Milliseconds of a clock that never goes back, for time-outs and whatever is kept for a while: a corrected wall clock changes neither. */
export const monotonicMs = (): number => performance.now()
