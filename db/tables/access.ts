import { integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { ROLES } from '../../domain/access/roles.js'
import { USER_KINDS } from '../../domain/access/users.js'
import { bytea, timestamptz, whole } from './column-types.js'

const role = () => text('role', { enum: ROLES }).notNull()

/** Whom keys belong to: people and services. */
export const apiUsers = pgTable(
  'api_users',
  {
    userId: text('user_id').notNull(),
    kind: text('kind', { enum: USER_KINDS }).notNull(),
    name: text('name').notNull(),
    email: text('email'),
    role: role(),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    disabledTs: timestamptz('disabled_ts'),
  },
  (table) => [primaryKey({ columns: [table.userId] })],
)

/** API keys: never the key itself, only its SHA-256. */
export const apiKeys = pgTable(
  'api_keys',
  {
    keyId: text('key_id').notNull(),
    name: text('name').notNull(),
    role: role(),
    digest: bytea('digest').notNull(),
    requestsPerMinute: integer('requests_per_minute'),
    createdTs: timestamptz('created_ts').notNull().defaultNow(),
    createdBy: text('created_by').notNull(),
    expiresTs: timestamptz('expires_ts'),
    revokedTs: timestamptz('revoked_ts'),
    lastUsedTs: timestamptz('last_used_ts'),
    rotatedFrom: text('rotated_from'),
    userId: text('user_id'),
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
    seq: whole('seq').notNull(),
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
