import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packageRoot } from '../package-root.js'
import { openFileStorage } from './file-storage.js'
import type { ObjectStorage } from './object-storage.js'

/**
 * Opens the storage that a URL names: `file:///absolute/folder`, or `file:folder` below the root of the package.
 * @throws Error for a URL of another kind; of the file system when the folder cannot be made
 */
export function openStorage(url: string): Promise<ObjectStorage> {
  if (url.startsWith('file://')) return openFileStorage(fileURLToPath(url))
  if (url.startsWith('file:')) return openFileStorage(resolve(packageRoot, url.slice('file:'.length)))
  throw new Error('the archive is not at a file: URL')
}
