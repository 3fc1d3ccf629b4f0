import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'

/** A file to be downloaded, with what proves it to be the right one. */
export interface DownloadRequest {
  readonly url: string
  readonly path: string
  /** Without it, the caller verifies the file in another way. */
  readonly sha256?: string
  readonly onBytes?: (bytes: number, totalBytes: number | undefined) => void
  readonly signal?: AbortSignal | undefined
}

/** How long a server may be silent, at the start or in the middle. */
const STALL_MS = 20_000

/**
 * Downloads a file under a temporary name, verifies it and gives it its name.
 * @throws Error when the server does not answer, stalls, refuses, or sends other bytes than expected
 */
export async function download(request: DownloadRequest): Promise<void> {
  const stalled = new AbortController()
  const timer = setTimeout(
    () => stalled.abort(new Error(`nothing came from ${new URL(request.url).host} for ${STALL_MS / 1_000} s`)),
    STALL_MS,
  )
  const signal = AbortSignal.any([stalled.signal, ...(request.signal === undefined ? [] : [request.signal])])
  const temporary = `${request.path}.download`
  try {
    const response = await fetch(request.url, { signal }).catch((error: unknown) => {
      signal.throwIfAborted()
      throw new Error(`${new URL(request.url).host} cannot be reached: ${causeOf(error)}`, { cause: error })
    })
    if (!response.ok || response.body === null) throw new Error(`${request.url} answered ${response.status}`)
    const hash = createHash('sha256')
    const total = Number(response.headers.get('content-length') ?? Number.NaN)
    const meter = createMeter(hash, (bytes) => {
      timer.refresh()
      request.onBytes?.(bytes, Number.isNaN(total) ? undefined : total)
    })
    await pipeline(response.body as ReadableStream<Uint8Array>, meter, createWriteStream(temporary), { signal })
    const sha256 = hash.digest('hex')
    if (request.sha256 !== undefined && sha256 !== request.sha256) {
      throw new Error(`${request.url} is not what was expected: its SHA-256 is ${sha256}, not ${request.sha256}`)
    }
    await rename(temporary, request.path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

function createMeter(hash: ReturnType<typeof createHash>, onBytes: (bytes: number) => void): Transform {
  let bytes = 0
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      hash.update(chunk)
      bytes += chunk.length
      onBytes(bytes)
      done(null, chunk)
    },
  })
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
