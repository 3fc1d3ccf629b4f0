import { GuardianError } from '../errors.js'
import { parseAddress } from './address.js'
import { knownOrNull } from './known.js'

/**
 * Where the address of a client is found. `peer`: the other end of the connection, as the web server saw it.
 * `forwarded`: in X-Forwarded-For, behind `hops` proxies of the operator's own. `field`: in a field that such a proxy
 * sets, for example `http_cf_connecting_ip` or `CF-Connecting-IP`.
 */
export type ClientFrom =
  | { readonly kind: 'peer' }
  | { readonly kind: 'forwarded'; readonly hops: number }
  | { readonly kind: 'field'; readonly name: string }

const MAX_HOPS = 16
const FIELD_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/

/**
 * Reads `first`, `forwarded:HOPS` (1 to 16) or the name of a field.
 * @throws GRD_BAD_INPUT naming what is wrong
 */
export function parseClientFrom(text: string): ClientFrom {
  if (text === 'first' || text === 'peer') return { kind: 'peer' }
  const forwarded = /^(?:forwarded|xff|x-forwarded-for)(?::(\d{1,3}))?$/i.exec(text)
  if (forwarded) {
    const hops = Number(forwarded[1] ?? 1)
    if (hops >= 1 && hops <= MAX_HOPS) return { kind: 'forwarded', hops }
    throw new GuardianError('GRD_BAD_INPUT', `forwarded:HOPS takes 1 to ${MAX_HOPS} trusted proxies`)
  }
  if (FIELD_NAME.test(text)) return { kind: 'field', name: text }
  throw new GuardianError('GRD_BAD_INPUT', 'neither first, forwarded:HOPS nor the name of a field')
}

/**
 * The client behind `hops` trusted proxies. Each proxy appends the address that it was called from, so that only the last
 * `hops` entries of the list can be believed; all before them is the client's own choice.
 * @param list X-Forwarded-For, as the last proxy sent it
 * @param hops number of trusted proxies, at least 1
 * @returns undefined when the entry that counts is missing or no address
 */
export function forwardedClient(list: string, hops: number): string | undefined {
  const entries = list.split(',')
  const entry = entries[entries.length - hops]
  return entry === undefined ? undefined : parseAddress(entry)
}

/** What a request says of its client. */
export interface ClientClaims {
  /** The other end of the connection; a list when the server logs X-Forwarded-For in its place. */
  readonly peer: string | undefined
  readonly forwarded: string | undefined
  readonly field: (name: string) => string | undefined
}

/**
 * The normalised address of the client. A header that is missing or holds no address falls back to the peer: a client that
 * sends nonsense is still seen, as the proxy that it came through.
 * @returns undefined when not even the peer is known
 */
export function clientAddress(from: ClientFrom, claims: ClientClaims): string | undefined {
  const claimed =
    from.kind === 'forwarded'
      ? forwardedOf(claims.forwarded ?? claims.peer, from.hops)
      : from.kind === 'field'
        ? addressOf(claims.field(from.name))
        : undefined
  return claimed ?? peerAddress(claims.peer)
}

const forwardedOf = (list: string | undefined, hops: number): string | undefined =>
  knownOrNull(list) === null ? undefined : forwardedClient(list ?? '', hops)

const addressOf = (given: string | undefined): string | undefined =>
  given === undefined ? undefined : parseAddress(given)

/** Of a list in the place of the peer, the last entry: it is the one that the nearest proxy wrote. */
function peerAddress(peer: string | undefined): string | undefined {
  if (peer === undefined) return undefined
  return peer.includes(',') ? forwardedClient(unlisted(peer), 1) : parseAddress(peer)
}

const unlisted = (peer: string): string => (peer.startsWith('"') && peer.endsWith('"') ? peer.slice(1, -1) : peer)
