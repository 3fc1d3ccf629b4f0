/** Does work when all work that was given before has ended, however that ended. @returns what the work returns or throws */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>

/** A queue of one place: for a resource that takes one piece of work at a time. It has no limit; its callers wait. */
export function inTurn(): InTurn {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }
}
