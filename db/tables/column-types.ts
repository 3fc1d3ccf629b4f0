import { bigint, customType, timestamp } from 'drizzle-orm/pg-core'

/** An instant, with the time zone, as a Date. */
export const timestamptz = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })

/** A count, an offset, an epoch: as a number, which holds all that there will be. */
export const whole = (name: string) => bigint(name, { mode: 'number' })

export const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** A range of addresses, as text. */
export const cidr = customType<{ data: string }>({ dataType: () => 'cidr' })
