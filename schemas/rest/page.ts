import { z } from 'zod'
import { lineOf, wholeNumber } from './parameters.js'

/** What a cursor says of itself in the document. */
const PAGE_BEFORE = '`page.next_cursor` of the page before'

/** The `limit` of a list. @param max rows that a page may have @param preset rows without it, or `max` if that is less */
export const pageLimit = (max: number, preset = 50) => wholeNumber(1, max, Math.min(preset, max))

/** The `cursor` of a list whose rows have an id to go on after. */
export const pageCursor = <Id extends z.ZodType>(id: Id) => id.optional().meta({ description: PAGE_BEFORE })

/** The `cursor` of a list whose rows have a number to go on from. */
export const numberCursor = (description = PAGE_BEFORE) =>
  lineOf(15)
    .regex(/^\d{1,15}$/, 'not a cursor that this API gave')
    .transform(Number)
    .optional()
    .meta({ description, override: { type: 'string', pattern: '^\\d{1,15}$' } })

/** The `page` of a list in an answer. @param next_cursor what the next page is asked for with, null on the last one */
export const pageWith = <Cursor extends z.ZodType>(next_cursor: Cursor) =>
  z.strictObject({ next_cursor, limit: z.int() })

/** The `page` of most lists. */
export const Page = pageWith(z.string().nullable())

/** The `page` of a list that is always whole. */
export const WholePage = pageWith(z.null())
