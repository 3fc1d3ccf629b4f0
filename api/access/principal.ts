import type { Role } from '../../domain/access/roles.js'

/** Who calls, once the key has been checked. */
export interface Principal {
  readonly keyId: string
  readonly name: string
  readonly role: Role
  /** Null: the configured rate. */
  readonly requestsPerMinute: number | null
  /** Set when a browser's cookie stands for the key. */
  readonly session?: { readonly digest: Buffer; readonly token: string; readonly expiresTs: Date }
}

/** Why a caller is not known. A closed list: it is a metric label. */
export const REFUSALS = ['no_key', 'malformed', 'unknown', 'revoked', 'expired'] as const
export type Refusal = (typeof REFUSALS)[number]

export type Identified =
  | { readonly kind: 'known'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly keyId?: string }
