import { parseAddress } from '../client/address.js'
import { knownOrNull } from '../client/known.js'

/** Where an event came from, as it says of itself. */
export interface Client {
  readonly ip: string | null
  readonly user_agent: string | null
}

/** An address is at most 45 characters long; what is longer is none. */
const MAX_IP_LENGTH = 64
/** So much of a user agent is kept: it stands in the evidence of every anomaly. */
export const MAX_USER_AGENT_LENGTH = 256

/** NUL, and half of a pair that was cut: PostgreSQL refuses both in JSON. */
const UNSTORABLE = /\0|\p{Surrogate}/gu

const cut = (text: string | null, length: number): string | null =>
  text === null ? null : text.slice(0, length).replace(UNSTORABLE, '\uFFFD')

/** The client of an event, its address in the one spelling of `parseAddress`, cut to what can be kept and stored. */
export const clientOf = (ip: string | null, userAgent: string | null): Client => ({
  ip: ip === null ? null : (parseAddress(ip) ?? cut(knownOrNull(ip), MAX_IP_LENGTH)),
  user_agent: cut(knownOrNull(userAgent), MAX_USER_AGENT_LENGTH),
})
