import { GuardianError } from '../errors.js'
import { isAtLeast, type Severity } from './observation.js'

/** A person's wish for quiet: now (`silence`), or planned ahead (`maintenance`). Both have an end. */
export interface Silence {
  readonly silenceId: string
  readonly kind: 'silence' | 'maintenance'
  /** A fingerprint, or the beginning of one and `*`: `dead-letters:*`, `*`. */
  readonly matcher: string
  /** It swallows this severity and milder ones. */
  readonly upTo: Severity
  readonly startsMs: number
  /** No longer silent. */
  readonly endsMs: number
}

export interface SilenceRequest extends Omit<Silence, 'silenceId'> {
  readonly reason: string
}

const MAX_REASON = 500
const MATCHER = /^[\w.:-]{0,300}\*?$/

/**
 * Checks what a person asks for. An end that was forgotten would be an alert that never comes again.
 * @throws GRD_BAD_INPUT naming what is wrong
 */
export function checkSilence(request: SilenceRequest, nowMs: number, maxLengthMs: number): void {
  const { matcher, startsMs, endsMs, reason } = request
  const refuse = (what: string): never => {
    throw new GuardianError('GRD_BAD_INPUT', what)
  }
  if (matcher === '' || !MATCHER.test(matcher))
    refuse('matcher is neither a fingerprint nor the beginning of one and *')
  if (!(endsMs > startsMs)) refuse('the end is not after the start')
  if (endsMs <= nowMs) refuse('the end has passed')
  if (endsMs - startsMs > maxLengthMs) refuse(`longer than ${maxLengthMs / 3_600_000} hours`)
  if (reason.trim() === '' || reason.length > MAX_REASON) refuse(`a reason of 1 to ${MAX_REASON} characters is needed`)
}

const matches = (matcher: string, fingerprint: string): boolean =>
  matcher.endsWith('*') ? fingerprint.startsWith(matcher.slice(0, -1)) : matcher === fingerprint

/** The silence that swallows an alert now; the one that ends last, when there are several. */
export function silenceOver(
  silences: readonly Silence[],
  fingerprint: string,
  severity: Severity,
  nowMs: number,
): Silence | undefined {
  return silences
    .filter(
      ({ matcher, upTo, startsMs, endsMs }) =>
        startsMs <= nowMs && nowMs < endsMs && isAtLeast(upTo, severity) && matches(matcher, fingerprint),
    )
    .reduce<Silence | undefined>((last, one) => (last && last.endsMs >= one.endsMs ? last : one), undefined)
}
