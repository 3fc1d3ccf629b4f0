import { open, type FileHandle } from 'node:fs/promises'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  type MultipartUpload,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Admission } from '../resilience/admission.js'

/** What S3 takes: parts of one object, and bytes of all of them together. */
const MAX_PARTS = 10_000
const MAX_OBJECT_BYTES = 5_497_558_138_880

/** Uploads may all wait for their turn: their callers have as many files at once as they have partitions. */
const NO_LIMIT = { maxWaiting: Number.MAX_SAFE_INTEGER, maxWaitMs: 2_147_483_647 }

export interface UploadSettings {
  /** A larger file goes in parts of so many bytes, 5 MiB at least; more when it would have over 10,000 of them. */
  readonly partBytes: number
  /** Parts of all uploads together that are held in memory and on their way at once. */
  readonly partsAtOnce: number
  /** How long one request may take, its part included. */
  readonly timeoutMs: number
}

interface Target {
  readonly Bucket: string
  readonly Key: string
}

/**
 * Sends files to S3 within a bounded memory. Each part is read when it has its turn, so that the SDK can send it again; an
 * object is there when all of it is, or not at all.
 */
export class S3Uploads {
  readonly #client: S3Client
  readonly #settings: UploadSettings
  readonly #turns: Admission

  constructor(client: S3Client, settings: UploadSettings) {
    this.#client = client
    this.#settings = settings
    this.#turns = new Admission({ ...NO_LIMIT, limit: settings.partsAtOnce })
  }

  /** Parts that are in memory and on their way now. */
  get partsOnTheirWay(): number {
    return this.#turns.atWork
  }

  /** @returns the size of the object in bytes @throws Error when S3 does not take so large a file; of S3, with nothing left there */
  async send(path: string, target: Target): Promise<number> {
    const file = await open(path, 'r')
    try {
      const { size } = await file.stat()
      if (size > MAX_OBJECT_BYTES) throw new Error(`${target.Key} has ${size} bytes, and S3 takes ${MAX_OBJECT_BYTES}`)
      if (size <= this.#settings.partBytes) await this.#sendWhole(file, size, target)
      else await this.#sendInParts(file, size, target)
      return size
    } finally {
      await file.close()
    }
  }

  async #sendWhole(file: FileHandle, size: number, target: Target): Promise<void> {
    await this.#inTurn(file, 0, size, async (Body) => {
      await this.#client.send(new PutObjectCommand({ ...target, Body }), this.#within())
    })
  }

  async #sendInParts(file: FileHandle, size: number, target: Target): Promise<void> {
    const { UploadId } = await this.#client.send(new CreateMultipartUploadCommand(target), this.#within())
    const upload = { ...target, UploadId }
    try {
      const Parts = await this.#sendParts(file, size, upload)
      await this.#client.send(
        new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }),
        this.#within(),
      )
    } catch (error) {
      // S3 keeps, and bills, the parts of what was never completed. If this fails, too, `abortAll` finds them later.
      await this.#client.send(new AbortMultipartUploadCommand(upload), this.#within()).catch(() => undefined)
      throw error
    }
  }

  /** All of them, or nothing more of them is under way when it throws. */
  async #sendParts(file: FileHandle, size: number, upload: Target & { readonly UploadId: string | undefined }) {
    const partBytes = Math.max(this.#settings.partBytes, Math.ceil(size / MAX_PARTS))
    const parts: { PartNumber: number; ETag: string | undefined }[] = []
    let next = 0
    const failed = new AbortController()
    const sendSome = async (): Promise<void> => {
      while (next * partBytes < size && !failed.signal.aborted) {
        const PartNumber = ++next
        const from = (PartNumber - 1) * partBytes
        await this.#inTurn(file, from, Math.min(partBytes, size - from), async (Body) => {
          const part = new UploadPartCommand({ ...upload, PartNumber, Body })
          const { ETag } = await this.#client.send(part, this.#within(failed.signal))
          parts.push({ PartNumber, ETag })
        })
      }
    }
    const sending = Array.from({ length: this.#settings.partsAtOnce }, () =>
      sendSome().catch((error: unknown) => failed.abort(error)),
    )
    await Promise.all(sending)
    failed.signal.throwIfAborted() // with what failed first
    return parts.sort((a, b) => a.PartNumber - b.PartNumber)
  }

  /** Reads a part of a file when it may be in memory, and has it sent. */
  async #inTurn(file: FileHandle, from: number, length: number, work: (part: Buffer) => Promise<void>): Promise<void> {
    const leave = await this.#turns.enter()
    try {
      const part = Buffer.allocUnsafe(length)
      const { bytesRead } = await file.read(part, 0, length, from)
      if (bytesRead !== length) throw new Error(`the file is shorter than it was: ${bytesRead} of ${length} bytes`)
      await work(part)
    } finally {
      leave()
    }
  }

  /** Keys below a prefix that parts were sent of and that were neither completed nor given up. */
  async unfinished(Bucket: string, Prefix: string): Promise<string[]> {
    return (await this.#uploads(Bucket, Prefix)).flatMap(({ Key }) => (Key === undefined ? [] : [Key]))
  }

  /** Gives up every unfinished upload of a key: whoever still sends parts of one cannot complete it any more. */
  async abortAll({ Bucket, Key }: Target): Promise<void> {
    for (const { Key: key, UploadId } of await this.#uploads(Bucket, Key))
      if (key === Key)
        await this.#client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), this.#within())
  }

  async #uploads(Bucket: string, Prefix: string): Promise<MultipartUpload[]> {
    const found: MultipartUpload[] = []
    let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | undefined = {}
    while (after !== undefined) {
      const asked: ListMultipartUploadsCommandInput = { Bucket, Prefix, ...after }
      const page: ListMultipartUploadsCommandOutput = await this.#client.send(
        new ListMultipartUploadsCommand(asked),
        this.#within(),
      )
      found.push(...(page.Uploads ?? []))
      after =
        page.IsTruncated === true
          ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
          : undefined
    }
    return found
  }

  #within(signal?: AbortSignal): { abortSignal: AbortSignal } {
    const timeout = AbortSignal.timeout(this.#settings.timeoutMs)
    return { abortSignal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]) }
  }
}
