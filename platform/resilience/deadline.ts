/** A call took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly code = 'NO_ANSWER_IN_TIME'
}

/**
 * Waits for a call, but no longer than the deadline; the call itself goes on.
 * @param late makes the error of a call that is too late
 * @throws what `late` makes
 */
export async function withDeadline<T>(
  call: () => Promise<T>,
  deadlineMs: number,
  late = (): Error => new DeadlineError(`no answer within ${deadlineMs} ms`),
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), deadlineMs)
  })
  try {
    return await Promise.race([call(), expired])
  } finally {
    clearTimeout(timer)
  }
}
