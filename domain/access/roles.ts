/** What a caller may read and change, from least to most; each role may do all that those before it may. */
const LADDER = ['viewer', 'analyst', 'operator', 'admin'] as const

/** `collector` stands beside the others: it may send events and read nothing, so that a key for a web page is worth little. */
export const ROLES = ['collector', ...LADDER] as const
export type Role = (typeof ROLES)[number]

/** Who may call an operation: anybody, or holders of a role and of every role above it. */
export type Access = 'open' | Role

/** Those who may send events besides the collectors. */
const MAY_COLLECT: readonly Role[] = ['collector', 'operator', 'admin']

/**
 * What a key may do in the hands of its user: what both roles allow.
 * @returns undefined when they have nothing in common, as a viewer and a collector
 */
export function roleInCommon(ofKey: Role, ofUser: Role): Role | undefined {
  if (mayDo(ofUser, ofKey)) return ofKey
  return mayDo(ofKey, ofUser) ? ofUser : undefined
}

/** Whether a role may do what takes `needed`. Without a role, only what is open. */
export function mayDo(role: Role | undefined, needed: Access): boolean {
  if (needed === 'open') return true
  if (role === undefined) return false
  if (needed === 'collector') return MAY_COLLECT.includes(role)
  return role !== 'collector' && LADDER.indexOf(role) >= LADDER.indexOf(needed)
}
