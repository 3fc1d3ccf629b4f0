import type { Role } from './roles.js'

/** A person acts for themselves; a service is a program, for which somebody answers. */
export const USER_KINDS = ['person', 'service'] as const
export type UserKind = (typeof USER_KINDS)[number]

/** What may be changed of a user. What is not named stays as it is. */
export interface UserChange {
  readonly name?: string | undefined
  /** Null takes it away. */
  readonly email?: string | null | undefined
  readonly role?: Role | undefined
  readonly isEnabled?: boolean | undefined
}

/** Why a user cannot be made, or changed in this way. */
export type UserRefusal = 'last_admin' | 'email_taken' | 'too_many'

/** Whether a change takes from an enabled admin what makes them one. */
export const endsAdmin = (
  before: { readonly role: Role; readonly isEnabled: boolean },
  after: { readonly role: Role; readonly isEnabled: boolean },
): boolean => isAdmin(before) && !isAdmin(after)

const isAdmin = ({ role, isEnabled }: { readonly role: Role; readonly isEnabled: boolean }): boolean =>
  isEnabled && role === 'admin'
