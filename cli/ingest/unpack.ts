import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'

/** How a log is packed, or encoded, by its first bytes. Other Unicode encodings are not used for logs. */
const MAGICS = [
  { kind: 'gzip', bytes: [0x1f, 0x8b] },
  { kind: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { kind: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { kind: 'utf-16le', bytes: [0xff, 0xfe] },
  { kind: 'utf-16be', bytes: [0xfe, 0xff] },
] as const
type Packing = (typeof MAGICS)[number]['kind'] | 'plain'

const LONGEST_MAGIC = 6
const CHUNK_BYTES = 262_144

/**
 * The bytes of a log as text: unpacked, and as UTF-8.
 * @param maxBytes it may unpack to
 * @param onRead is called with the bytes that were read of the packed log
 * @throws when it is damaged, ends too early, or unpacks to more than `maxBytes`
 */
export async function* unpack(
  raw: Readable,
  maxBytes: number,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  const iterator = raw[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  const head = await firstBytes(iterator)
  const all = rest(head, iterator, onRead)
  const packing = packingOf(head)
  let unpackedBytes = 0
  for await (const chunk of UNPACKERS[packing](all)) {
    unpackedBytes += chunk.length
    if (packing !== 'plain' && unpackedBytes > maxBytes)
      throw new Error(`it unpacks to more than ${Math.round(maxBytes / 1_024 ** 3)} GiB`)
    yield chunk
  }
}

const packingOf = (head: Buffer): Packing =>
  MAGICS.find(({ bytes }) => bytes.every((byte, at) => head[at] === byte))?.kind ?? 'plain'

type Chunks = AsyncGenerator<Buffer, void>

const UNPACKERS: Readonly<Record<Packing, (all: Chunks) => AsyncIterable<Buffer>>> = {
  plain: (all) => all,
  gzip: gunzip,
  zstd: unzstd,
  xz: unxz,
  bzip2: unbzip2,
  'utf-16le': (all) => decoded(all, 'utf-16le'),
  'utf-16be': (all) => decoded(all, 'utf-16be'),
}

async function* gunzip(all: Chunks): Chunks {
  const unpacker = createGunzip({ chunkSize: CHUNK_BYTES })
  const packed = pipeline(all, unpacker)
  packed.catch(() => undefined) // awaited below
  yield* unpacker as AsyncIterable<Buffer>
  await packed
}

/** A stream of Node's first kind, which unpacks whole blocks while it is written to. */
async function* unbzip2(all: Chunks): Chunks {
  const { default: createUnpacker } = await import('unbzip2-stream')
  const unpacker = createUnpacker()
  let ready: Buffer[] = []
  let fault: unknown
  unpacker.on('data', (chunk: Buffer) => void ready.push(chunk))
  unpacker.on('error', (error: unknown) => (fault ??= error))
  const unpacked = (): Buffer[] => {
    if (fault !== undefined) throw new Error('the bzip2 data is damaged', { cause: fault })
    const chunks = ready
    ready = []
    return chunks
  }
  for await (const chunk of all) {
    unpacker.write(chunk)
    yield* unpacked()
  }
  unpacker.end()
  yield* unpacked()
}

/** Unpackers but gzip's are loaded when they are needed: most logs need none. fzstd hands out what one push unpacks to at once, so that pushes are small. */
async function* unzstd(all: Chunks): Chunks {
  const { Decompress } = await import('fzstd')
  let ready: Buffer[] = []
  const unpacker = new Decompress((chunk) => void ready.push(Buffer.from(chunk)))
  for await (const chunk of all)
    for (let from = 0; from < chunk.length; from += CHUNK_BYTES / 16) {
      unpacker.push(chunk.subarray(from, from + CHUNK_BYTES / 16))
      yield* ready
      ready = []
    }
  unpacker.push(new Uint8Array(0), true)
  yield* ready
}

async function* unxz(all: Chunks): Chunks {
  const { default: xz } = await import('xz-decompress')
  const packed = Readable.toWeb(Readable.from(all, { objectMode: false })) as ReadableStream<Uint8Array>
  const reader = new xz.XzReadableStream(packed).getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield Buffer.from(value)
  }
}

async function* decoded(all: Chunks, encoding: string): Chunks {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of all) yield Buffer.from(decoder.decode(chunk, { stream: true }))
  yield Buffer.from(decoder.decode())
}

async function firstBytes(iterator: AsyncIterator<Buffer>): Promise<Buffer> {
  const begin: Buffer[] = []
  let length = 0
  while (length < LONGEST_MAGIC) {
    const next = await iterator.next()
    if (next.done === true) break
    begin.push(next.value)
    length += next.value.length
  }
  return Buffer.concat(begin)
}

async function* rest(head: Buffer, iterator: AsyncIterator<Buffer>, onRead: (bytes: number) => void): Chunks {
  for (let chunk = head; ;) {
    onRead(chunk.length)
    if (chunk.length > 0) yield chunk
    const next = await iterator.next()
    if (next.done === true) return
    chunk = next.value
  }
}
