/** A file of one day, as the manifest has it. */
export interface CompactableFile {
  readonly path: string
  readonly topic: string
  readonly partition: number
  /** Which log under the topic's name. */
  readonly log: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly rows: number
  readonly bytes: number
}

export interface CompactionLimits {
  /** What the files of one merge may have together. One that has half of it is large enough, and left as it is. */
  readonly fileBytes: number
  /** Files that are merged at once. */
  readonly filesPerMerge: number
}

/** A file with fewer bytes is to be put together with others. */
export const smallBytesOf = ({ fileBytes }: Pick<CompactionLimits, 'fileBytes'>): number => Math.ceil(fileBytes / 2)

/**
 * Which files of a day become one: runs of small files that follow each other in the log of their partition. A large file
 * ends a run, so that no two files of a day overlap in their offsets that did not before.
 * @param files in the order of topic, partition, log and offset
 * @returns runs of two files at least, each in the order of its offsets
 */
export function planCompaction(files: readonly CompactableFile[], limits: CompactionLimits): CompactableFile[][] {
  const runs: CompactableFile[][] = []
  let run: CompactableFile[] = []
  let runBytes = 0
  const smallBytes = smallBytesOf(limits)
  for (const file of files) {
    const last = run.at(-1)
    const goesOn = last !== undefined && follows(file, last) && file.bytes < smallBytes
    if (!goesOn || run.length >= limits.filesPerMerge || runBytes + file.bytes > limits.fileBytes) {
      runs.push(run)
      run = []
      runBytes = 0
    }
    if (file.bytes >= smallBytes) continue
    run.push(file)
    runBytes += file.bytes
  }
  return [...runs, run].filter(({ length }) => length > 1)
}

const follows = (file: CompactableFile, before: CompactableFile): boolean =>
  file.topic === before.topic &&
  file.partition === before.partition &&
  file.log === before.log &&
  file.firstOffset > before.lastOffset
