import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Config } from '../config.js'
import { packageRoot } from '../package-root.js'
import { openFileStorage } from './file-storage.js'
import type { ObjectStorage } from './object-storage.js'
import { openS3Storage } from './s3-storage.js'

/** What a process that uses the archive needs from the environment. */
export const STORAGE_VARIABLES = [
  'ARCHIVE_URL',
  'S3_ENDPOINT',
  'S3_REGION',
  'S3_ACCESS_KEY_ID',
  'S3_SECRET_ACCESS_KEY',
  'S3_TIMEOUT_MS',
  'S3_FOLDER',
  'S3_KEPT_BYTES',
  'S3_PART_BYTES',
  'S3_PARTS_AT_ONCE',
] as const

const S3_URL = /^s3:\/\/([^/]+)\/?(.*?)\/?$/

/**
 * Opens the storage that `ARCHIVE_URL` names: `file:///absolute/folder`, `file:folder` below the root of the package, or
 * `s3://bucket/prefix`.
 * @throws Error for a URL of another kind; of the file system when a folder cannot be made
 */
export function openStorage(config: Config<(typeof STORAGE_VARIABLES)[number]>): Promise<ObjectStorage> {
  const url = config.ARCHIVE_URL
  if (url.startsWith('file://')) return openFileStorage(fileURLToPath(url))
  if (url.startsWith('file:')) return openFileStorage(resolve(packageRoot, url.slice('file:'.length)))
  const [, bucket, prefix = ''] = S3_URL.exec(url) ?? []
  if (bucket === undefined) throw new Error('the archive is at neither a file: nor an s3: URL')
  const { S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = config
  return openS3Storage({
    bucket,
    prefix: prefix === '' ? '' : `${prefix}/`,
    endpoint: config.S3_ENDPOINT,
    region: config.S3_REGION,
    credentials: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
    timeoutMs: config.S3_TIMEOUT_MS,
    folder: resolve(packageRoot, config.S3_FOLDER),
    keptBytes: config.S3_KEPT_BYTES,
    partBytes: config.S3_PART_BYTES,
    partsAtOnce: config.S3_PARTS_AT_ONCE,
  })
}
