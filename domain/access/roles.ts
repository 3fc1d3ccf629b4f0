/** What a caller may do, from least to most; each role may do all that those before it may. */
export const ROLES = ['viewer', 'analyst', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Who may call an operation: anybody, or holders of a role and of every role above it. */
export type Access = 'open' | Role

/** Whether a role may do what takes `needed`. Without a role, only what is open. */
export const mayDo = (role: Role | undefined, needed: Access): boolean =>
  needed === 'open' || (role !== undefined && ROLES.indexOf(role) >= ROLES.indexOf(needed))
