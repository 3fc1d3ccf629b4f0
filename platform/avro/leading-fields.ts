import avsc, { type Schema } from 'avsc'
import { boundBlocks } from './bounded-blocks.js'
import { HEADER_BYTES } from './codec.js'

/**
 * Reads the first fields of a value in the Confluent wire format without its writer's schema, as if they were those of
 * `schemaText`. Whether they are is for the caller to judge by what they hold.
 * @returns a function that gives undefined when the bytes cannot be these fields
 */
export function createLeadingReader(schemaText: string): (bytes: Buffer) => unknown {
  boundBlocks()
  const type = avsc.Type.forSchema(JSON.parse(schemaText) as Schema, { wrapUnions: false })
  return (bytes) => {
    if (bytes.length <= HEADER_BYTES) return undefined
    try {
      const decoded: { value: unknown; offset: number } = type.decode(bytes, HEADER_BYTES)
      return decoded.offset > 0 ? decoded.value : undefined
    } catch {
      return undefined // whatever avsc says about bytes that are something else
    }
  }
}
