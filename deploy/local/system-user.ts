import { readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { LocalFault } from './local-fault.js'

export interface SystemUser {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/**
 * The user that PostgreSQL has to run as when we are root, which it refuses to run as.
 * @returns undefined when we are not root and need no other user
 */
export function unprivilegedUser(passwdFile = '/etc/passwd'): SystemUser | undefined {
  if (process.getuid?.() !== 0) return undefined
  const users = readFileSync(passwdFile, 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
  for (const wanted of ['postgres', '_postgres', 'nobody']) {
    const user = users.find(({ name, uid }) => name === wanted && uid > 0)
    if (user !== undefined) return user
  }
  throw new LocalFault(
    'PostgreSQL does not run as root, and this machine has neither a user "postgres" nor "nobody"',
    'add one (useradd --system postgres), or start as a user other than root',
  )
}

/**
 * Whether any user can reach what lies in a directory: every folder on the way to it can be passed by all. One that does
 * not exist yet will be made so.
 */
export function isOpenToAll(directory: string): boolean {
  const found = statSync(directory, { throwIfNoEntry: false })
  if (found !== undefined && (found.mode & 0o001) === 0) return false
  const parent = dirname(directory)
  return parent === directory || isOpenToAll(parent)
}
