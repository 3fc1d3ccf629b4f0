import { z } from 'zod'

/** Text of a parameter: NUL, which PostgreSQL cannot store, is refused, and so are the other control characters. */
const NO_CONTROL = /^[^\u0000-\u001f\u007f]*$/

/** Half a pair: no UTF-8 has it, and PostgreSQL refuses it in JSON. */
const LONE_SURROGATE = /\p{Surrogate}/u

/** One line of text, 1 to `max` characters. */
export const lineOf = (max: number) =>
  z
    .string('expected one text')
    .min(1, 'must not be empty')
    .max(max, `longer than ${max} characters`)
    .regex(NO_CONTROL, 'has a control character')
    .refine((text) => !LONE_SURROGATE.test(text), 'has half a surrogate pair')

/** No control characters but for tab and line ends. */
const PRINTABLE = /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]*$/

/** Text of some lines in a body, 1 to `max` characters that PostgreSQL can store. */
export const textOf = (max: number) =>
  z
    .string('expected text')
    .min(1, 'must not be empty')
    .max(max, `longer than ${max} characters`)
    .regex(PRINTABLE, 'has a control character')
    .refine((text) => !LONE_SURROGATE.test(text), 'has half a surrogate pair')

/** A whole number given as text. The OpenAPI document calls it an integer, which is what clients send. */
export const wholeNumber = (min: number, max: number, preset: number) =>
  z
    .string('expected one number')
    .regex(/^\d{1,9}$/, 'not a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `not in ${min}..${max}`)
    .prefault(String(preset))
    .meta({ override: replaceWith({ type: 'integer', minimum: min, maximum: max, default: preset }) })

/** Says something else in the document than the check itself would. */
export const replaceWith =
  (schema: Readonly<Record<string, unknown>>) =>
  ({ jsonSchema }: { jsonSchema: object }) => {
    for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key)
    Object.assign(jsonSchema, schema)
  }

/** What an Idempotency-Key may be. */
export const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,255}$/

/** A choice given as text. */
export const flag = z.enum(['true', 'false'], 'not one of true, false')

/** A day, UTC. PostgreSQL, as people, has no year 0, which ISO 8601 has. */
export const dayText = z.iso.date('not a day YYYY-MM-DD').refine((day) => day >= '0001-01-01', 'there is no year 0')

/** 9999-12-31T23:59:59.999Z: as far as ISO 8601 goes with four digits. */
export const LAST_INSTANT_MS = 253_402_300_799_999

/** A date and time with its zone, or a date, which stands for its midnight in UTC. */
export const instant = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], 'not a date and time with a zone, nor a date')
  .transform((text) => new Date(text))
  .refine((at) => at.getTime() >= 0 && at.getTime() <= LAST_INSTANT_MS, 'not in 1970..9999')

/** An instant in an answer: UTC, milliseconds. */
export const Timestamp = z.iso.datetime({ precision: 3 }).meta({ example: '2026-10-01T12:00:00.000Z' })
