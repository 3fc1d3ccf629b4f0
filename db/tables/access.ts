import { bigint, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { bytea, timestamptz } from './column-types.js'

/** API keys: never the key itself, only its SHA-256. */
export const apiKeys = pgTable(
  'api_keys',
  {
    keyId: text('key_id').notNull(),
    name: text('name').notNull(),
    role: text('role', { enum: ['collector', 'viewer', 'analyst', 'operator', 'admin'] }).notNull(),
    digest: bytea('digest').notNull(),
    requestsPerMinute: integer('requests_per_minute'),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    expiresTs: timestamptz('expires_ts'),
    revokedTs: timestamptz('revoked_ts'),
    lastUsedTs: timestamptz('last_used_ts'),
    rotatedFrom: text('rotated_from'),
  },
  (table) => [primaryKey({ columns: [table.keyId] })],
)

/** Log-ins of browsers: the SHA-256 of the cookie's token, and the key that it stands for. */
export const apiSessions = pgTable(
  'api_sessions',
  {
    digest: bytea('digest').notNull(),
    keyId: text('key_id').notNull(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    expiresTs: timestamptz('expires_ts').notNull(),
  },
  (table) => [primaryKey({ columns: [table.digest] })],
)

/** Who changed what, or was not allowed to; each row seals the one before it. */
export const auditLog = pgTable(
  'audit_log',
  {
    seq: bigint('seq', { mode: 'number' }).notNull(),
    recordedTs: timestamptz('recorded_ts').notNull(),
    actor: text('actor').notNull(),
    actorName: text('actor_name').notNull(),
    action: text('action').notNull(),
    target: text('target').notNull(),
    outcome: text('outcome', { enum: ['done', 'denied'] }).notNull(),
    requestId: text('request_id').notNull(),
    before: jsonb('before').$type<unknown>(),
    after: jsonb('after').$type<unknown>(),
    previousHash: bytea('previous_hash').notNull(),
    hash: bytea('hash').notNull(),
  },
  (table) => [primaryKey({ columns: [table.seq] })],
)
