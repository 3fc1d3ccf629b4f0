/** A call took longer than it may. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
  readonly code = 'NO_ANSWER_IN_TIME'
}

/** Waits for a call, but no longer than the deadline; the call itself goes on. @throws DeadlineError */
export async function withDeadline<T>(call: () => Promise<T>, deadlineMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`no answer within ${deadlineMs} ms`)), deadlineMs)
  })
  try {
    return await Promise.race([call(), expired])
  } finally {
    clearTimeout(timer)
  }
}
