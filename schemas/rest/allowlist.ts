import { z } from 'zod'
import { ALLOWLIST_KINDS } from '../../domain/review/allowlist.js'
import { Page, pageCursor, pageLimit } from './page.js'
import { flag, instant, lineOf, textOf, Timestamp } from './parameters.js'

const entryId = lineOf(36).regex(/^[0-9a-f-]{36}$/, 'not an id that this API gave')
const kind = z
  .enum(ALLOWLIST_KINDS, `not one of ${ALLOWLIST_KINDS.join(', ')}`)
  .meta({ description: 'session and user: as events have them; address and user_agent: of the event that crossed' })

/** The query of `GET /allowlist`. @param pageLimitMax how many entries a page may have */
export const allowlistQuery = (pageLimitMax: number) =>
  z.strictObject({
    kind: kind.optional(),
    ended: flag.optional().meta({ description: 'true: also those that have ended' }),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(entryId),
  })

export const AllowlistParams = z.strictObject({ id: entryId })

const addressRange = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'not an address or a range of addresses')

export const NewAllowlistEntry = z
  .strictObject({
    kind,
    value: lineOf(512).meta({
      description: 'Of address: an address or a range; of user_agent: all of it, or its beginning and `*`',
      example: '192.0.2.0/24',
    }),
    reason: textOf(500).meta({ example: 'our own price monitor' }),
    starts_ts: instant.optional().meta({ description: 'Now, without it; it may be past, to cover what was flagged' }),
    expires_ts: instant.meta({ description: 'It covers windows that have a part in [starts_ts, expires_ts)' }),
  })
  .refine(({ kind: of, value }) => of !== 'address' || addressRange.safeParse(value).success, {
    path: ['value'],
    message: 'not an address or a range of addresses',
  })
  .meta({ id: 'NewAllowlistEntry' })

export const AllowlistEntry = z
  .strictObject({
    id: z.string(),
    kind,
    value: z.string(),
    reason: z.string(),
    created_by: z.string().meta({ description: 'The id of the key' }),
    created_ts: Timestamp,
    starts_ts: Timestamp,
    expires_ts: Timestamp,
  })
  .meta({ id: 'AllowlistEntry' })
export type AllowlistEntry = z.output<typeof AllowlistEntry>

export const AllowlistPage = z
  .strictObject({
    data: z.array(AllowlistEntry),
    page: Page,
  })
  .meta({ id: 'AllowlistPage', description: 'The one that ends last first' })
