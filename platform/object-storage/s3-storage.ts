import { createReadStream, createWriteStream, mkdirSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { KeptFiles } from './kept-files.js'
import type { ObjectStorage } from './object-storage.js'

export interface S3StorageSettings {
  readonly bucket: string
  /** Before every key; empty, or ends with a slash. */
  readonly prefix: string
  /** Of a server that is not Amazon's; buckets are then in the path. */
  readonly endpoint: string | undefined
  readonly region: string
  /** Without them the SDK looks where it always does: the environment, the profile, the machine's role. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined
  /** How long one request may take, its file included. */
  readonly timeoutMs: number
  /** On this machine, for files on their way there and back. */
  readonly folder: string
  /** Bytes of copies of files that may be here at once. */
  readonly keptBytes: number
}

/** What S3 takes with one PUT; a roll of the archive is 1 GiB at most. */
const MAX_FILE_BYTES = 5_000_000_000
/** Beyond those the caller tries again, with pauses of its own. */
const ATTEMPTS = 3
const CONNECT_TIMEOUT_MS = 5_000

/**
 * Keeps objects in a bucket of S3, or of a server that speaks as it does. A PUT is whole or nothing, and S3 answers when
 * the object is durable; the same key gets the same bytes again, so it may be repeated.
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
      const { size: bytes } = await stat(scratchFile)
      if (bytes > MAX_FILE_BYTES) throw new Error(`${key} has ${bytes} bytes, and S3 takes ${MAX_FILE_BYTES} at once`)
      const object = { ...keyOf(key), Body: createReadStream(scratchFile), ContentLength: bytes }
      await client.send(new PutObjectCommand(object), within())
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
    listScratch: () => readdir(scratch),
    removeScratch: (name) => rm(join(scratch, name), { force: true }),
    remove: async (key) => {
      await client.send(new DeleteObjectCommand(keyOf(key)), within())
    },
  })
}
