import { createWriteStream, mkdirSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { KeptFiles } from './kept-files.js'
import type { ObjectStorage } from './object-storage.js'
import { S3Uploads, type UploadSettings } from './s3-upload.js'

export interface S3StorageSettings extends UploadSettings {
  readonly bucket: string
  /** Before every key; empty, or ends with a slash. */
  readonly prefix: string
  /** Of a server that is not Amazon's; buckets are then in the path. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Without them the SDK looks where it always does: the environment, the profile, the machine's role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** On this machine, for files on their way there and back. */
  readonly folder: string
  /** Bytes of copies of files that may be here at once. */
  readonly keptBytes: number
}

/** Beyond those the caller tries again, with pauses of its own. */
const ATTEMPTS = 3
const CONNECT_TIMEOUT_MS = 5_000

/**
 * Keeps objects in a bucket of S3, or of a server that speaks as it does. An object is whole or not there, in one PUT as in
 * parts, and S3 answers when it is durable; the same key gets the same bytes again, so it may be repeated.
 * @throws of the file system when the folder cannot be made
 */
export function openS3Storage(settings: S3StorageSettings): Promise<ObjectStorage> {
  const { bucket: Bucket, prefix, endpoint, region, credentials, timeoutMs, folder } = settings
  const scratch = join(folder, 'unfinished')
  mkdirSync(scratch, { recursive: true, mode: 0o700 })
  const client = new S3Client({
    region,
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: timeoutMs },
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  const keyOf = (key: string) => ({ Bucket, Key: prefix + key })
  const within = () => ({ abortSignal: AbortSignal.timeout(timeoutMs) })
  const uploads = new S3Uploads(client, settings)
  const kept = new KeptFiles(folder, settings.keptBytes, async (key, path) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const { Body } = await client.send(new GetObjectCommand(keyOf(key)), { abortSignal: signal })
    if (!(Body instanceof Readable)) throw new Error(`${key} came without a body`)
    await pipeline(Body, createWriteStream(path), { signal })
  })
  return Promise.resolve({
    url: `s3://${Bucket}/${prefix}`,
    scratchFile: (name) => join(scratch, name),
    put: async (scratchFile, key) => {
      const bytes = await uploads.send(scratchFile, keyOf(key))
      await rm(scratchFile)
      return { bytes }
    },
    withFiles: (keys, work) => kept.with(keys, work),
    list: async (name) => {
      const keys: string[] = []
      const pages = paginateListObjectsV2({ client }, { Bucket, Prefix: `${prefix}${name}/` })
      for await (const { Contents } of pages)
        for (const { Key } of Contents ?? []) if (Key !== undefined) keys.push(Key.slice(prefix.length))
      return keys
    },
    listUnfinished: async (name) => {
      const keys = await uploads.unfinished(Bucket, `${prefix}${name}/`)
      return [...new Set(keys)].map((key) => key.slice(prefix.length))
    },
    removeUnfinished: (key) => uploads.abortAll(keyOf(key)),
    backlogs: () => [
      { name: 'storage_kept_bytes', waiting: () => kept.bytes, limit: settings.keptBytes },
      { name: 'storage_parts_sending', waiting: () => uploads.partsOnTheirWay, limit: settings.partsAtOnce },
    ],
    listScratch: () => readdir(scratch),
    removeScratch: (name) => rm(join(scratch, name), { force: true }),
    remove: async (key) => {
      await client.send(new DeleteObjectCommand(keyOf(key)), within())
    },
  })
}
