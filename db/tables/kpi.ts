import { boolean, date, integer, jsonb, numeric, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { timestamptz, whole } from './column-types.js'

const traffic = () => text('traffic', { enum: ['all', 'clean', 'flagged'] }).notNull()

/** Counts of a day by traffic. */
export const dailyMetrics = pgTable(
  'daily_metrics',
  {
    day: date('day').notNull(),
    traffic: traffic(),
    events: whole('events').notNull(),
    sessions: whole('sessions').notNull(),
    users: whole('users').notNull(),
    pageViews: whole('page_views').notNull(),
    itemViews: whole('item_views').notNull(),
    addToCarts: whole('add_to_carts').notNull(),
    removeFromCarts: whole('remove_from_carts').notNull(),
    checkouts: whole('checkouts').notNull(),
    purchases: whole('purchases').notNull(),
    orders: whole('orders').notNull(),
    unitsSold: whole('units_sold').notNull(),
    buyingSessions: whole('buying_sessions').notNull(),
    sessionMs: whole('session_ms').notNull(),
    revenue: jsonb('revenue').$type<Record<string, number>>().notNull(),
    returns: whole('returns').notNull().default(0),
    unitsReturned: whole('units_returned').notNull().default(0),
    returned: jsonb('returned').$type<Record<string, number>>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.day, table.traffic] })],
)

/** The first hundred items of each ranking. */
export const popularItems = pgTable(
  'popular_items',
  {
    day: date('day').notNull(),
    traffic: traffic(),
    ranking: text('ranking', { enum: ['views', 'carts', 'purchases'] }).notNull(),
    place: integer('place').notNull(),
    itemId: text('item_id').notNull(),
    amount: whole('amount').notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.traffic, table.ranking, table.place] })],
)

/** Sessions that came to each step. */
export const conversionFunnel = pgTable(
  'conversion_funnel',
  {
    day: date('day').notNull(),
    traffic: traffic(),
    step: text('step', { enum: ['viewed', 'carted', 'checked_out', 'purchased'] }).notNull(),
    sessions: whole('sessions').notNull(),
  },
  (table) => [primaryKey({ columns: [table.day, table.traffic, table.step] })],
)

/** What the published figures of a day were made of, and who may publish next. */
export const kpiDays = pgTable(
  'kpi_days',
  {
    day: date('day').notNull(),
    fence: whole('fence').notNull(),
    publishedFence: whole('published_fence'),
    publishedTs: timestamptz('published_ts'),
    archiveVersion: whole('archive_version'),
    archivedRows: whole('archived_rows'),
    flaggedSessions: whole('flagged_sessions'),
    flaggedDigest: text('flagged_digest'),
    changes: jsonb('changes'),
    isUnusual: boolean('is_unusual').notNull().default(false),
    releasedDigest: text('released_digest'),
    quarantinedRecords: whole('quarantined_records').notNull().default(0),
    droppedRecords: whole('dropped_records').notNull().default(0),
    countedSums: jsonb('counted_sums'),
    timeZone: text('time_zone').notNull().default('UTC'),
    dayStart: timestamptz('day_start'),
    dayEnd: timestamptz('day_end'),
  },
  (table) => [primaryKey({ columns: [table.day] })],
)

/** Records that the figures of their day leave out, and what was decided on them. */
export const kpiQuarantine = pgTable(
  'kpi_quarantine',
  {
    dataset: text('dataset', { enum: ['clicks', 'purchases'] }).notNull(),
    kafkaPartition: integer('kafka_partition').notNull(),
    kafkaOffset: whole('kafka_offset').notNull(),
    eventTs: timestamptz('event_ts').notNull(),
    topic: text('topic').notNull(),
    day: date('day').notNull(),
    eventId: text('event_id').notNull(),
    sessionId: text('session_id').notNull(),
    source: text('source'),
    reason: text('reason', {
      enum: ['MISSING_FIELD', 'UNKNOWN_EVENT_TYPE', 'OUT_OF_BOUNDS', 'REVENUE_OVERFLOW', 'UNITS_OVERFLOW'],
    }).notNull(),
    field: text('field'),
    fields: jsonb('fields').$type<Record<string, string | null>>().notNull(),
    amount: numeric('amount'),
    foundTs: timestamptz('found_ts').notNull().defaultNow(),
    state: text('state', { enum: ['quarantined', 'released', 'dropped'] })
      .notNull()
      .default('quarantined'),
    decidedTs: timestamptz('decided_ts'),
    decidedBy: text('decided_by'),
    decidedByName: text('decided_by_name'),
    comment: text('comment'),
  },
  (table) => [primaryKey({ columns: [table.dataset, table.kafkaPartition, table.kafkaOffset, table.eventTs] })],
)

/** Figures between their computation and their publication. */
export const kpiStaging = pgTable(
  'kpi_staging',
  {
    day: date('day').notNull(),
    fence: whole('fence').notNull(),
    figures: jsonb('figures').notNull(),
    inputs: jsonb('inputs').notNull(),
    stagedTs: timestamptz('staged_ts').notNull().defaultNow(),
  },
  (table) => [primaryKey({ columns: [table.day, table.fence] })],
)
