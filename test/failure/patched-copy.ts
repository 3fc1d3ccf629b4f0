import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packageRoot } from '../../platform/package-root.js'

/** A change to one compiled file: text that must be there exactly once, and what is to be there instead. */
export interface Patch {
  /** Under dist/. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** A copy of the product with something changed in it. */
export interface PatchedCopy {
  /** Stands where the project's folder would: its dist/ is the changed one, all else is the project's own. */
  readonly root: string
  readonly remove: () => void
}

/**
 * What stands before and after the place in a file that a patch changes.
 * @throws when its text is not there exactly once: the product has moved on, and the patch has to follow
 */
export function aroundPlace(path: string, place: string): readonly string[] {
  const parts = readFileSync(path, 'utf8').split(place)
  if (parts.length !== 2) throw new Error(`${path} has ${parts.length - 1} times: ${place}`)
  return parts
}

/**
 * Copies what is compiled and changes it; the product itself knows nothing of it.
 * @throws as `aroundPlace` does
 */
export function patchedCopy(patches: readonly Patch[]): PatchedCopy {
  const root = mkdtempSync(join(tmpdir(), 'guardian-patched-'))
  const remove = () => rmSync(root, { recursive: true, force: true })
  try {
    for (const name of readdirSync(packageRoot))
      if (name !== 'dist' && !name.startsWith('.')) symlinkSync(join(packageRoot, name), join(root, name))
    const isRun = (path: string) => !path.endsWith('.map')
    cpSync(join(packageRoot, 'dist'), join(root, 'dist'), { recursive: true, filter: isRun })
    for (const { file, from, to } of patches) {
      const path = join(root, 'dist', file)
      writeFileSync(path, aroundPlace(path, from).join(to))
    }
    return { root, remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** Code that ends the process as a power cut would, the nth time it is reached; n is CRASH_AFTER in its environment. */
export const crashWhen = (condition = 'true'): string =>
  `if (${condition} && (globalThis.timesReached = (globalThis.timesReached ?? 0) + 1) === Number(process.env.CRASH_AFTER)) ` +
  `process.kill(process.pid, 'SIGKILL'); `
