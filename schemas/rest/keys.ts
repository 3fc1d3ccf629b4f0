import { z } from 'zod'
import { Page, pageCursor, pageLimit } from './page.js'
import { instant, lineOf, Timestamp } from './parameters.js'
import { Role, UserId } from './users.js'

const KEY_ID = /^key_[0-9a-f]{16}$/
export const KeyId = z.string('expected one id').regex(KEY_ID, 'not the id of a key')
export const KeyParams = z.strictObject({ key_id: KeyId.meta({ description: 'The id of a key' }) })

/** The query of `GET /keys`. @param pageLimitMax how many keys a page may have */
export const keyListQuery = (pageLimitMax: number) =>
  z.strictObject({
    limit: pageLimit(pageLimitMax),
    user_id: UserId.optional().meta({ description: 'Those of one user' }),
    cursor: pageCursor(KeyId),
  })

const requestsPerMinute = z.int().min(1).max(10_000_000)

export const NewKey = z
  .strictObject({
    name: lineOf(200).meta({ description: 'Who or what uses it', example: 'dashboard' }),
    role: Role.meta({ description: 'What it may do at most: never more than its user may' }),
    user_id: UserId.optional().meta({ description: 'Whose it is; yours, without it' }),
    expires_ts: instant.optional().meta({ description: 'Never, without it' }),
    requests_per_minute: requestsPerMinute.optional().meta({ description: 'The configured rate, without it' }),
  })
  .meta({ id: 'NewKey' })

const OVERLAP_MAX_S = 30 * 86_400

export const Rotation = z
  .strictObject({
    overlap_seconds: z
      .int()
      .min(0)
      .max(OVERLAP_MAX_S)
      .prefault(0)
      .meta({ description: 'How long the old key goes on beside the new one' }),
    expires_ts: instant.optional().meta({ description: 'Of the new key' }),
  })
  .meta({ id: 'Rotation' })

export const Key = z
  .strictObject({
    key_id: KeyId.meta({ description: 'The beginning of the SHA-256 of the key' }),
    user_id: UserId.nullable().meta({ description: 'Whose it is' }),
    name: z.string(),
    role: Role.meta({ description: 'What it may do at most: never more than its user may' }),
    requests_per_minute: z.int().nullable(),
    created_ts: Timestamp,
    created_by: z.string(),
    expires_ts: Timestamp.nullable(),
    revoked_ts: Timestamp.nullable(),
    last_used_ts: Timestamp.nullable().meta({ description: 'To some seconds' }),
    rotated_from: z.string().nullable(),
  })
  .meta({ id: 'Key', description: 'An API key, without the key' })
export type Key = z.output<typeof Key>

export const CreatedKey = Key.extend({
  key: z.string().meta({ description: 'Shown now and never again: send it as `Authorization: Bearer <key>`' }),
}).meta({ id: 'CreatedKey' })

export const KeyList = z
  .strictObject({
    data: z.array(Key),
    page: Page,
  })
  .meta({ id: 'KeyList' })

export const LogIn = z.strictObject({ key: z.string().min(1).max(200) }).meta({ id: 'LogIn' })

export const Session = z
  .strictObject({
    key_id: KeyId,
    name: z.string().meta({ description: 'Of the key' }),
    user: z.strictObject({ user_id: UserId, name: z.string() }).nullable(),
    role: Role.meta({ description: 'What the key and its user may both do' }),
    csrf_token: z
      .string()
      .nullable()
      .meta({ description: 'To be sent as `x-csrf-token` with every change; null for a caller with a key' }),
    expires_ts: Timestamp.nullable(),
  })
  .meta({ id: 'Session', description: 'Who the caller is' })
export type Session = z.output<typeof Session>

export const Done = z.strictObject({ status: z.literal('done') }).meta({ id: 'Done' })
