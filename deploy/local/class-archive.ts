import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Java } from './java.js'
import { identifyProcess } from './process-identity.js'

/**
 * The classes of a Java server as its Java has them in memory, kept in the cache: with it a server starts in half the
 * time. It is written when a server that was started without one ends in good order, and belongs to one Java.
 */
export interface ClassArchive {
  /** The arguments that use the archive, or that have it written. */
  readonly args: readonly string[]
  /** Keeps what a server wrote at its end; only to be called when that end was in good order. */
  keep: () => void
}

const FOLDER = 'class-archives'
let drafts = 0

/**
 * @param server names the server and its version: another version has other classes
 * @param isWriter whether it is to write the archive if there is none: one process of several that start at once
 */
export function classArchive(cacheDir: string, server: string, java: Java, isWriter = true): ClassArchive {
  const folder = join(cacheDir, FOLDER)
  const archive = join(folder, `${server}-java-${java.version}.jsa`)
  // Should it not fit after all (another build of that Java), Java says so in the log and starts without it.
  if (existsSync(archive)) return { args: [`-XX:SharedArchiveFile=${archive}`], keep: () => undefined }
  if (!isWriter) return { args: [], keep: () => undefined }
  mkdirSync(folder, { recursive: true })
  removeAbandoned(folder)
  const draft = `${archive}.${process.pid}.${drafts++}.draft`
  return {
    args: [`-XX:ArchiveClassesAtExit=${draft}`],
    keep: () => {
      if (existsSync(draft)) renameSync(draft, archive)
    },
  }
}

/** Removes what servers wrote whose starter died before it could keep it. */
function removeAbandoned(folder: string): void {
  for (const name of readdirSync(folder)) {
    const writer = /\.(\d+)\.\d+\.draft$/.exec(name)?.[1]
    if (writer !== undefined && identifyProcess(Number(writer)) === undefined)
      rmSync(join(folder, name), { force: true })
  }
}
