import { createLogins } from '../../db/create-logins.js'
import { loginOf, PROCESS_ROLES, type ProcessRole } from '../../db/process-roles.js'

/** Of every login in a PostgreSQL that tests have started. */
export const LOGIN_PASSWORD = 'Only-for-tests_0123456789-abcdefghijk'

const SCRIPTS: Readonly<Record<string, ProcessRole>> = {
  'workers/detector/main.js': 'detector',
  'workers/archiver/main.js': 'archiver',
  'workers/orchestrator/main.js': 'orchestrator',
  'api/main.js': 'api',
}

const withLogins = new Set<string>()

/** Makes the logins of the processes in a server, so that every process that tests start there has its own. */
export async function makeProcessLogins(databaseUrl: string): Promise<void> {
  const passwords = Object.fromEntries(PROCESS_ROLES.map((role) => [role, LOGIN_PASSWORD])) as Record<
    ProcessRole,
    string
  >
  await createLogins(databaseUrl, passwords, 5_000)
  withLogins.add(new URL(databaseUrl).password)
}

/** The address of a database for the login of a process. */
export function urlAs(role: ProcessRole, databaseUrl: string): string {
  const url = new URL(databaseUrl)
  url.username = loginOf(role)
  url.password = LOGIN_PASSWORD
  return url.href
}

/** What a program of ours is given, with its own login when its server has one: also behind a proxy. */
export function withOwnLogin(script: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const { DATABASE_URL: url } = env
  const role = SCRIPTS[script]
  if (url === undefined || role === undefined || !URL.canParse(url) || !withLogins.has(new URL(url).password))
    return env
  return { ...env, DATABASE_URL: urlAs(role, url) }
}
