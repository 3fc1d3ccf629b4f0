/** Why a record is kept out of the figures of its day. */
export const QUARANTINE_REASONS = [
  'MISSING_FIELD',
  'UNKNOWN_EVENT_TYPE',
  'OUT_OF_BOUNDS',
  'REVENUE_OVERFLOW',
  'UNITS_OVERFLOW',
] as const
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number]

/** A quarantined record waits for a decision; a released one counts from the next run on; a dropped one never counts. */
export const QUARANTINE_STATES = ['quarantined', 'released', 'dropped'] as const
export type QuarantineState = (typeof QUARANTINE_STATES)[number]

export const QUARANTINE_DECISIONS = { release: 'released', drop: 'dropped' } as const
export type QuarantineDecision = keyof typeof QUARANTINE_DECISIONS

/** The largest sum of a day: whole numbers up to it are exact in every program that reads JSON. */
export const MAX_SUM = Number.MAX_SAFE_INTEGER

/** Which record: its place in the log. The time tells records of two logs of one topic apart. */
export interface QuarantineKey {
  readonly dataset: 'clicks' | 'purchases'
  readonly partition: number
  readonly offset: number
  /** Event time, in milliseconds since the epoch. */
  readonly eventMs: number
}

/** A record that a computation keeps out. */
export interface UnfitRecord extends QuarantineKey {
  readonly sessionId: string
  readonly eventId: string
  /** The producer, by its own name; null when it gave none. */
  readonly source: string | null
  readonly reason: QuarantineReason
  /** Of MISSING_FIELD and OUT_OF_BOUNDS: the first field at fault. */
  readonly field: string | null
  /** What the record says, field by field. */
  readonly fields: Readonly<Record<string, string | null>>
  /** |quantity × unit price| in minor units, as decimal digits: it may be beyond 2^53. Null of a click, or without both. */
  readonly amount: string | null
}

/** A record that an earlier run has quarantined. */
export interface KnownRecord extends QuarantineKey {
  readonly sessionId: string
  readonly state: QuarantineState
  readonly reason: QuarantineReason
  readonly field: string | null
}

/** Records with the same reason. */
export interface QuarantinedCount {
  readonly reason: QuarantineReason
  readonly field: string | null
  readonly records: number
}

/** What the figures of a day leave out. */
export interface DayQuarantine {
  /** Waiting for a decision, by reason, those of earlier runs included. */
  readonly waiting: readonly QuarantinedCount[]
  /** Dropped by a decision. */
  readonly dropped: number
  /** Places of the first records that wait: `purchases/3 offset 17`. */
  readonly places: readonly string[]
}

/** How full the sums of a day are. */
export interface DaySums {
  /** Sums of absolute amounts by currency, as decimal digits. */
  readonly amounts: Readonly<Record<string, string>>
  readonly units: string
}

type Row = Readonly<Record<string, unknown>>

/** PostgreSQL stores no NUL. */
const storable = (value: unknown): string => String(value).replaceAll('\0', '\ufffd')
const storableOrNull = (value: unknown): string | null => (value === null ? null : storable(value))

const FIELDS_OF = {
  clicks: ['event_type', 'item_id'],
  purchases: ['order_id', 'item_id', 'quantity', 'unit_price', 'currency'],
} as const

/** The unfit records that an engine's rows describe, in the order of the log. */
export const unfitRecordsOf = (rows: readonly Row[]): UnfitRecord[] =>
  rows
    .toSorted((a, b) => Number(a['place']) - Number(b['place']))
    .map((row) => {
      const dataset = row['kind'] === 'click' ? 'clicks' : 'purchases'
      return {
        dataset,
        partition: Number(row['kafka_partition']),
        offset: Number(row['kafka_offset']),
        eventMs: Number(row['event_ms']),
        sessionId: storable(row['session_id']),
        eventId: storable(row['event_id']),
        source: storableOrNull(row['source']),
        reason: row['reason'] as QuarantineReason,
        field: storableOrNull(row['field']),
        fields: Object.fromEntries(FIELDS_OF[dataset].map((name) => [name, storableOrNull(row[name])])),
        amount: storableOrNull(row['amount']),
      }
    })

/** The counts that an engine's rows say. */
export const unfitCountsOf = (rows: readonly Row[]): QuarantinedCount[] =>
  rows.map((row) => ({
    reason: row['reason'] as QuarantineReason,
    field: storableOrNull(row['field']),
    records: Number(row['records']),
  }))

/** The sums that an engine's rows say, and how many counted clicks have no known type. */
export function daySumsOf(rows: readonly Row[]): { readonly sums: DaySums; readonly unknownTypes: number } {
  const of = (name: string) => rows.filter((row) => row['name'] === name)
  const amounts = of('amount').map((row): [string, string] => [storable(row['currency']), storable(row['value'])])
  return {
    sums: { amounts: Object.fromEntries(amounts), units: of('units').map((row) => storable(row['value']))[0] ?? '0' },
    unknownTypes: Number(of('unknown_types')[0]?.['value'] ?? 0),
  }
}

const LETTERS = { clicks: 'c', purchases: 'p' } as const

/** The id of a record in the API and on the command line: `p-3-1204-1767225600000`. */
export const quarantineIdOf = ({ dataset, partition, offset, eventMs }: QuarantineKey): string =>
  [LETTERS[dataset], partition, offset, eventMs].join('-')

const ID = /^([cp])-(\d{1,9})-(\d{1,15})-(-?\d{1,15})$/

/** @returns undefined when the text is no id */
export function parseQuarantineId(text: string): QuarantineKey | undefined {
  const [, letter, partition, offset, eventMs] = ID.exec(text) ?? []
  if (letter === undefined) return undefined
  const dataset = letter === 'c' ? 'clicks' : 'purchases'
  return { dataset, partition: Number(partition), offset: Number(offset), eventMs: Number(eventMs) }
}

/** `purchases/3 offset 17` */
export const placeOf = ({ dataset, partition, offset }: QuarantineKey): string =>
  `${dataset}/${partition} offset ${offset}`

/** Why a record is kept out, for people. */
export function describeReason({ reason, field }: Pick<UnfitRecord, 'reason' | 'field'>): string {
  switch (reason) {
    case 'MISSING_FIELD':
      return `it has no ${field ?? 'field that the figures need'}`
    case 'UNKNOWN_EVENT_TYPE':
      return 'its event type is none that the figures count'
    case 'OUT_OF_BOUNDS':
      return `its ${field ?? 'amount'} is beyond the bounds of a valid purchase; it was archived before they were checked`
    case 'REVENUE_OVERFLOW':
      return `with its amount, the revenue of the day in its currency would exceed ${MAX_SUM} minor units`
    case 'UNITS_OVERFLOW':
      return `with its quantity, the units sold on the day would exceed ${MAX_SUM}`
  }
}

/** What a day was computed from and what it leaves out: the records of earlier runs, and those that this one found. */
export function quarantineOf(
  known: readonly KnownRecord[],
  found: readonly UnfitRecord[],
  foundCounts: readonly QuarantinedCount[],
): DayQuarantine {
  const before = known.filter(({ state }) => state === 'quarantined')
  const counts = new Map<string, QuarantinedCount>()
  for (const { reason, field, records } of [...before.map((one) => ({ ...one, records: 1 })), ...foundCounts]) {
    const key = `${reason} ${field ?? ''}`
    counts.set(key, { reason, field, records: (counts.get(key)?.records ?? 0) + records })
  }
  return {
    waiting: [...counts.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count),
    dropped: known.filter(({ state }) => state === 'dropped').length,
    places: [...before, ...found].slice(0, 3).map(placeOf),
  }
}

/** How many records wait for a decision. */
export const waitingRecords = ({ waiting }: DayQuarantine): number =>
  waiting.reduce((sum, { records }) => sum + records, 0)

/** What people need to know of a day that is published without some of its records; empty when it has them all. */
export function describeQuarantine(day: string, quarantine: DayQuarantine): string[] {
  const records = waitingRecords(quarantine)
  const { dropped, waiting, places } = quarantine
  const reasons = waiting.map(
    ({ reason, field, records: n }) => `${n} × ${reason}${field === null ? '' : ` (${field})`}`,
  )
  return [
    ...(records === 0
      ? []
      : [
          `published without ${counted(records)} in quarantine: ${reasons.join(', ')}; ${listed(places, records)}. ` +
            `To decide on them: guardian kpi quarantine list --day ${day}`,
        ]),
    ...(dropped === 0 ? [] : [`published without ${counted(dropped)} that a decision has dropped`]),
  ]
}

const counted = (records: number): string => (records === 1 ? '1 record' : `${records} records`)

/** `purchases/0 offset 7, purchases/0 offset 9 and 3 more` */
export const listed = (places: readonly string[], records: number): string =>
  `${places.join(', ')}${records > places.length ? ` and ${records - places.length} more` : ''}`
