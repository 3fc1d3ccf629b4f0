/** Where a reader of a topic is: the next offset of each partition, in the order of the partitions. */
export type Position = readonly number[]

const TEXT = /^\d{1,15}(\.\d{1,15}){0,999}$/

/** As an event of the stream names it: `1207.0.88`. */
const positionText = (position: Position): string => position.join('.')

/** @returns undefined for what is no position */
const parsePosition = (text: string): Position | undefined =>
  TEXT.test(text) ? text.split('.').map(Number) : undefined

/** Where a client of the stream is: in the feed, and in the audit log, where verdicts and the allowlist stand. */
export interface Place {
  readonly feed: Position
  /** The seq of the last audit record seen. */
  readonly review: number
}

/** The id of an event: `1207.0.88-57`. */
export const placeText = ({ feed, review }: Place): string => `${positionText(feed)}-${review}`

/** @returns undefined for what is no place; without `review` from an id of a release that did not have it */
export function parsePlace(text: string): Partial<Place> | undefined {
  const [, before, review] = /^([^-]*)(?:-(\d{1,15}))?$/.exec(text) ?? []
  const feed = before === undefined ? undefined : parsePosition(before)
  return feed && (review === undefined ? { feed } : { feed, review: Number(review) })
}

/** What a reader has missed: a part of a partition. */
export interface Missed {
  readonly partition: number
  readonly from: number
  readonly to: number
}

/**
 * What lies between where a reader was and where the log is followed now. Partitions that were added since are missed
 * from their beginning. A reader that comes from a process that is further has missed nothing.
 */
export const missedBetween = (was: Position, now: Position): Missed[] =>
  now.map((to, partition) => ({ partition, from: was[partition] ?? 0, to })).filter(({ from, to }) => from < to)

/** Where the log of each partition begins and ends. */
export type LogBounds = readonly { readonly low: number; readonly high: number }[]

/** Whether this log can go on from where a reader was: it has not forgotten what comes next, and was not made anew. */
export const isWithin = (was: Position, bounds: LogBounds): boolean =>
  was.length <= bounds.length &&
  bounds.every(({ low, high }, partition) => {
    const offset = was[partition] ?? 0
    return offset >= low && offset <= high
  })
