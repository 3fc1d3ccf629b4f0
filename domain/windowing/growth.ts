/** Below it, arrays double; above it, they grow by a quarter, so that little of a large one lies idle. In words. */
const LARGE = 262_144

/** The same numbers in a longer array, of a whole number of entries. @param entry words in an entry */
export function grown(old: Int32Array, entry: number): Int32Array<ArrayBuffer> {
  const length = old.length < LARGE ? old.length * 2 : old.length + Math.ceil(old.length / (4 * entry)) * entry
  const next = new Int32Array(length)
  next.set(old)
  return next
}
