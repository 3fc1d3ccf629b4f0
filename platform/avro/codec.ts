import avsc, { type Schema } from 'avsc'
import { boundBlocks } from './bounded-blocks.js'

/** Magic byte and schema id of the Confluent wire format. */
export const HEADER_BYTES = 5

const typeOf = (schemaText: string) => avsc.Type.forSchema(JSON.parse(schemaText) as Schema, { wrapUnions: false })

/** Encodes a value as byte 0, four bytes of schema id, and Avro binary. */
export function createEncoder(schemaText: string, schemaId: number): (value: object) => Buffer {
  const type = typeOf(schemaText)
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeInt32BE(schemaId, 1)
  return (value) => Buffer.concat([header, type.toBuffer(value)])
}

/** The schema id in front of the value in bytes `from` to before `to`, or undefined when there is none. */
export function schemaIdOf(bytes: Buffer, from = 0, to = bytes.length): number | undefined {
  if (to - from < HEADER_BYTES || bytes[from] !== 0) return undefined
  // By bytes: the Buffer's own method is everybody's, and not made fast for us.
  const id = from + 1
  return (
    (((bytes[id] ?? 0) << 24) | ((bytes[id + 1] ?? 0) << 16) | ((bytes[id + 2] ?? 0) << 8) | (bytes[id + 3] ?? 0)) >>> 0
  )
}

/**
 * Reads values of one writer's schema as the reader's. Fields that the reader does not name are stepped over.
 * @returns the value, or undefined when bytes are missing or left over
 * @throws RangeError or Error of avsc for bytes that are no such value
 * @throws Error at creation when the schemas do not resolve
 */
export function createDecoder(readerSchemaText: string, writerSchemaText: string): (bytes: Buffer) => unknown {
  boundBlocks()
  const reader = typeOf(readerSchemaText)
  const resolver = reader.createResolver(typeOf(writerSchemaText))
  return (bytes) => {
    const decoded: { value: unknown; offset: number } = reader.decode(bytes, HEADER_BYTES, resolver)
    return decoded.offset === bytes.length ? decoded.value : undefined
  }
}
