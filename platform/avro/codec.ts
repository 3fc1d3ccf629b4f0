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
export const schemaIdOf = (bytes: Buffer, from = 0, to = bytes.length): number | undefined =>
  to - from >= HEADER_BYTES && bytes[from] === 0 ? bytes.readUInt32BE(from + 1) : undefined

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
