import { TOPICS } from '../events.js'
import type { UtcDay } from '../utc-day.js'

/** The kinds of events that are archived, each a folder of its own. */
export const DATASETS = ['clicks', 'purchases'] as const
export type Dataset = (typeof DATASETS)[number]

const TOPIC_OF: Readonly<Record<Dataset, string>> = { clicks: TOPICS.clicks, purchases: TOPICS.purchases }

/** The topic whose valid records a dataset holds. */
export const topicOf = (dataset: Dataset): string => TOPIC_OF[dataset]

/** @returns undefined for a topic that is not archived */
export const datasetOf = (topic: string): Dataset | undefined => DATASETS.find((name) => TOPIC_OF[name] === topic)

/** What the name of a file of the archive says. Offsets `[fromOffset, toOffset)` are those that one roll has passed. */
export interface ArchiveFileName {
  readonly dataset: Dataset
  /** The day of all its events; `other` for a file of events of rare days. */
  readonly day: UtcDay | 'other'
  readonly partition: number
  /** Of the owner that wrote it: an owner that has lost its partition cannot touch the file of a later one. */
  readonly epoch: number
  readonly fromOffset: number
  readonly toOffset: number
}

const padded = (n: number, digits: number): string => String(n).padStart(digits, '0')

/** The key of a file in the archive: the same for the same range of the same owner. */
export const archiveKey = (file: ArchiveFileName): string =>
  `${file.dataset}/date=${file.day}/${archiveFileStem(file)}.parquet`

/** The last part of the key, without its ending. */
export const archiveFileStem = ({ partition, epoch, fromOffset, toOffset }: Omit<ArchiveFileName, 'day'>): string =>
  `p${padded(partition, 4)}-e${padded(epoch, 6)}-${padded(fromOffset, 15)}-${padded(toOffset, 15)}`

const STEM = /(?:^|[/_])p(\d{4,})-e(\d{6,})-\d{15,}-\d{15,}\.parquet$/

/** Whose file a key or a scratch name is. @returns undefined for a name that the archive never gives */
export function writerOf(name: string): { readonly partition: number; readonly epoch: number } | undefined {
  const match = STEM.exec(name)
  return match ? { partition: Number(match[1]), epoch: Number(match[2]) } : undefined
}

/** What the name of a file says that others were put together in: the rows of a day at `[fromOffset, toOffset)`. */
export interface CompactedFileName {
  readonly dataset: Dataset
  readonly day: UtcDay
  readonly partition: number
  /** Which log under the topic's name: offsets of two logs of a day may be the same. */
  readonly log: number
  /** Of the attempt that wrote it: one that was overtaken cannot touch the file of a later one. */
  readonly fence: number
  readonly fromOffset: number
  readonly toOffset: number
}

/** The key of a compacted file. No owner of a partition takes it for one that it may remove. */
export const compactedKey = (file: CompactedFileName): string =>
  `${folderOfDay(file.dataset, file.day)}/${compactedStem(file)}.parquet`

/** Where the files of a day are. */
export const folderOfDay = (dataset: Dataset, day: UtcDay): string => `${dataset}/date=${day}`

/** What it is written as before it has its key: unlike the key, it has to say dataset and day itself. */
export const compactedScratchName = (file: CompactedFileName): string =>
  `${file.dataset}_${file.day}_${compactedStem(file)}.parquet`

const compactedStem = ({ partition, log, fence, fromOffset, toOffset }: CompactedFileName): string =>
  `p${padded(partition, 4)}-l${padded(log, 3)}-c${padded(fence, 6)}-${padded(fromOffset, 15)}-${padded(toOffset, 15)}`

const COMPACTED = /(?:^|[/_])p\d{4,}(?:-l\d{3,})?-c(\d{6,})-\d{15,}-\d{15,}\.parquet$/

/** Which attempt wrote what has this key or scratch name. @returns undefined for one that no compaction gives */
export function compactionFenceOf(name: string): number | undefined {
  const fence = COMPACTED.exec(name)?.[1]
  return fence === undefined ? undefined : Number(fence)
}
