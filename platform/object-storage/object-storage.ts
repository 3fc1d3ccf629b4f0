/** Something that the storage holds so much of now, and its limit. */
export interface StorageBacklog {
  readonly name: 'storage_kept_bytes' | 'storage_parts_sending'
  readonly waiting: () => number
  readonly limit: number
}

/** Where files are kept under keys such as `clicks/date=2026-10-01/name.parquet`. A key has either a whole file or none. */
export interface ObjectStorage {
  /** Where it is, for people: without anything secret. */
  readonly url: string
  /** A path on this machine to write a file at, before it is put. @param name of letters, digits, `-`, `=`, `.` */
  scratchFile(name: string): string
  /** Makes a scratch file durable and gives it its key, in place of what had it. The scratch file is gone then. */
  put(scratchFile: string, key: string): Promise<{ readonly bytes: number }>
  /**
   * Has the files of keys on this machine while `work` reads them.
   * @param work is given what tells the path of each of these keys
   * @throws Error when a key has no file, or the files are more than may be kept here at once
   */
  withFiles<T>(keys: readonly string[], work: (pathOf: (key: string) => string) => Promise<T>): Promise<T>
  /** Every key that begins with a folder's name and a slash, in no order. Empty when there is no such folder. */
  list(folder: string): Promise<string[]>
  /** Keys in a folder that a file was begun to be put at and never was, as when the process ended. */
  listUnfinished(folder: string): Promise<string[]>
  /** Removes what is there of such files; whoever still puts one cannot end it any more. The key keeps its file. */
  removeUnfinished(key: string): Promise<void>
  /** What it holds against its limits now. */
  backlogs(): readonly StorageBacklog[]
  /** Names in the scratch folder. */
  listScratch(): Promise<string[]>
  removeScratch(name: string): Promise<void>
  /** Removes a key; one that is not there is no error. */
  remove(key: string): Promise<void>
}
