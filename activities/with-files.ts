/**
 * Has the files of keys of the archive on this machine while `work` reads them.
 * @throws Error when a key has no file, or the files are more than may be kept here at once
 */
export type WithFiles = <T>(
  keys: readonly string[],
  work: (pathOf: (key: string) => string) => Promise<T>,
) => Promise<T>
