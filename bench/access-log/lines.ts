import { SeededRandom } from '../../cli/simulate/seeded-random.js'
import { Scrapes } from './scrapes.js'
import { Visits, type Asked } from './visits.js'

/** 6 October 2026. */
const DAY = '06/Oct/2026'
const DAY_SECONDS = 86_400
/** How busy the shop is when each hour begins: quiet at night, busiest in the evening. */
const BUSY = [
  30, 20, 14, 11, 10, 12, 20, 34, 52, 68, 78, 84, 88, 86, 82, 80, 82, 90, 100, 112, 118, 108, 82, 52, 30,
] as const
/** The longest request, in whole seconds. */
const LONGEST_SECONDS = 28

/**
 * The lines of a shop's access log (combined format) of one day, the same for the same seed. A line has the time at
 * which its request began and is where the request ended, as Apache writes it: some are a few seconds out of order.
 * @returns the lines in blocks, each line with its end; memory holds half a minute of them
 */
export function* accessLogBlocks(lines: number, seed: number): Generator<string> {
  const random = new SeededRandom(seed)
  const visits = new Visits(lines, seed)
  const scrapes = new Scrapes(lines, seed)
  const byVisits = lines - scrapes.lines
  /** Lines by the second in which their request ends. */
  const ends: string[] = Array.from({ length: LONGEST_SECONDS + 2 }, () => '')
  const put = (asked: Asked, second: number, time: string): void => {
    const at = (second + secondsOf(random)) % ends.length
    ends[at] = (ends[at] ?? '') + lineOf(asked, time)
  }
  let written = 0
  let busy = 0
  for (let second = 0; second < DAY_SECONDS + ends.length; second++) {
    if (second < DAY_SECONDS) {
      busy += busyAt(second)
      const time = timeOf(second)
      for (const due = Math.round(byVisits * (busy / ALL_BUSY)); written < due; written++)
        put(visits.next(), second, time)
      for (const asked of scrapes.at(second)) put(asked, second, time)
    }
    const at = second % ends.length
    const block = ends[at] ?? ''
    ends[at] = ''
    if (block !== '') yield block
  }
}

/** Whole numbers, so that the sum is exact. */
function busyAt(second: number): number {
  const hour = Math.floor(second / 3_600)
  const into = second % 3_600
  return (BUSY[hour] ?? 0) * (3_600 - into) + (BUSY[hour + 1] ?? 0) * into
}

const ALL_BUSY = Array.from({ length: DAY_SECONDS }, (_, second) => busyAt(second)).reduce((a, b) => a + b, 0)

/** How many seconds later a request ends: most in the same second or the next, few much later. */
function secondsOf(random: SeededRandom): number {
  const share = random.whole(0, 999)
  if (share < 850) return 0
  if (share < 970) return 1
  return share < 998 ? random.whole(1, 5) : random.whole(6, LONGEST_SECONDS)
}

const two = (n: number): string => String(n).padStart(2, '0')

const timeOf = (second: number): string =>
  `${DAY}:${two(Math.floor(second / 3_600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)} +0000`

function lineOf({ who, request, protocol, referrer, userAgent }: Asked, time: string): string {
  const { method, target, result } = request
  return `${who} [${time}] "${method} ${target} ${protocol}" ${result} "${referrer}" "${userAgent}"\n`
}
