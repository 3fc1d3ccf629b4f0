import { GuardianError } from '../errors.js'
import { DAY_MS } from '../utc-day.js'

/** What an entry of the allowlist names: a session, a user, a range of addresses, or user agents. */
export const ALLOWLIST_KINDS = ['session', 'user', 'address', 'user_agent'] as const
export type AllowlistKind = (typeof ALLOWLIST_KINDS)[number]

/** Whose anomalies are not acted on, and for how long: those whose window has a part in [startsMs, endsMs). */
export interface AllowlistRequest {
  readonly kind: AllowlistKind
  /** As events have it; of `address` an address or a range; of `user_agent` all of it, or its beginning and `*`. */
  readonly value: string
  readonly startsMs: number
  readonly endsMs: number
}

/** A wider range would be half of a country. */
const FEWEST_BITS = { v4: 8, v6: 20 } as const
/** A shorter beginning fits too many: every browser begins with `Mozilla/`. */
const SHORTEST_BEGINNING = 12

/**
 * Checks what a person asks for. An end that was forgotten would be a bot that nobody ever hears of.
 * @throws GRD_BAD_INPUT naming what is wrong
 */
export function checkAllowlistEntry(request: AllowlistRequest, nowMs: number, maxLengthMs: number): void {
  const { startsMs, endsMs } = request
  const fault =
    valueFault(request) ??
    (endsMs > startsMs ? undefined : 'the end is not after the start') ??
    (endsMs > nowMs ? undefined : 'the end has passed') ??
    (endsMs - nowMs > maxLengthMs ? `the end is more than ${maxLengthMs / DAY_MS} days from now` : undefined)
  if (fault !== undefined) throw new GuardianError('GRD_BAD_INPUT', fault)
}

function valueFault({ kind, value }: AllowlistRequest): string | undefined {
  if (kind === 'address') {
    const [address = '', bits] = value.split('/')
    const fewest = address.includes(':') ? FEWEST_BITS.v6 : FEWEST_BITS.v4
    return bits !== undefined && Number(bits) < fewest ? `a range of less than /${fewest} is too wide` : undefined
  }
  if (kind !== 'user_agent') return undefined
  const stars = value.split('*').length - 1
  if (stars === 0) return undefined
  if (stars > 1 || !value.endsWith('*')) return '* stands at the end alone'
  return value.length <= SHORTEST_BEGINNING
    ? `a beginning of a user agent has at least ${SHORTEST_BEGINNING} characters before the *`
    : undefined
}
