import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'

export type Encoding = 'br' | 'gzip'

/** A shorter body costs more to compress than it saves. */
const LEAST_BYTES = 1_024

const run = {
  // The levels at which a page of anomalies takes below a millisecond.
  br: (body: Buffer) => promisify(brotliCompress)(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  gzip: (body: Buffer) => promisify(gzip)(body, { level: 5 }),
}

/** The encoding for a body of so many bytes; undefined when it goes as it is. @param accepted `Accept-Encoding` */
export function encodingFor(accepted: string | undefined, bytes: number): Encoding | undefined {
  if (accepted === undefined || bytes < LEAST_BYTES) return undefined
  const weights = new Map(accepted.split(',').map(weighted))
  const wants = (encoding: Encoding) => (weights.get(encoding) ?? 0) > 0
  return wants('br') ? 'br' : wants('gzip') ? 'gzip' : undefined
}

function weighted(part: string): [string, number] {
  const [name = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase())
  const q = parameters.find((text) => text.startsWith('q='))
  return [name, q === undefined ? 1 : Number(q.slice(2)) || 0]
}

/** Packs a body, off the event loop. */
export const compress = (body: Buffer, encoding: Encoding): Promise<Buffer> => run[encoding](body)
