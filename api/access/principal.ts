import type { Role } from '../../domain/access/roles.js'

/** Who calls, once the key has been checked. */
export interface Principal {
  readonly keyId: string
  /** Of the key. */
  readonly name: string
  /** Whose key it is; null for one without a user. */
  readonly user: { readonly userId: string; readonly name: string } | null
  /** What key and user may both do. */
  readonly role: Role
  /** Null: the configured rate. */
  readonly requestsPerMinute: number | null
  /** Set when a browser's cookie stands for the key. */
  readonly session?: { readonly digest: Buffer; readonly token: string; readonly expiresTs: Date }
}

/** What the audit log calls a caller: the user, and the key where it has a name of its own. */
export const actorNameOf = ({ name, user }: Pick<Principal, 'name' | 'user'>): string =>
  user === null || user.name === name ? name : `${user.name} (${name})`

/** Why a caller is not known. A closed list: it is a metric label. */
export const REFUSALS = [
  'no_key',
  'malformed',
  'unknown',
  'revoked',
  'expired',
  'user_disabled',
  'no_common_role',
] as const
export type Refusal = (typeof REFUSALS)[number]

export type Identified =
  | { readonly kind: 'known'; readonly principal: Principal }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly keyId?: string }
