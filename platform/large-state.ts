import { setFlagsFromString } from 'node:v8'

/**
 * In which environment a process is started that keeps much state in memory. glibc reads it before the program begins, so
 * it cannot be set from within; elsewhere it means nothing. `malloc` then asks for pages of 2 MiB, which Linux gives to
 * those who ask for them (transparent huge pages, "madvise"): state is tens of megabytes that are looked at at random, and
 * with pages of 4 KiB most looks have to find their page first. All threads take memory from one arena: each has one of its
 * own otherwise, with pages of 2 MiB of its own. V8 gets half of its usual room for what is new (in MiB): little of what
 * comes with a fetch outlives it, and the other half would only be memory.
 */
export const LARGE_STATE_ENV: Readonly<Record<string, string>> = {
  GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1',
  NODE_OPTIONS: '--max-semi-space-size=8',
}

/** The heap may be so many per cent larger than what lived after the last full collection, before the next one begins. */
const HEAP_GROWTH_PERCENT = 300

/**
 * Has V8 look for garbage in the whole heap less often. State lies in arrays beside the heap, but V8 counts them in: what
 * passes through (fetches, checkpoints) then starts a full collection several times a second, over a heap of some 25 MB in
 * which little is garbage. Call it before any state is there.
 */
export function collectLessOften(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`)
}

/** Of a command that reads a whole log: nearly all that it allocates is garbage at once. */
const READER_HEAP_GROWTH_PERCENT = 30

/**
 * Keeps the heap of a process that streams a large input near what lives in it. V8 by itself lets a heap of 100 MB grow to
 * several times that before it collects, and costs the machine memory without being faster.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${READER_HEAP_GROWTH_PERCENT}`)
}
