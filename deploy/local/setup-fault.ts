import { messageOf } from '../../platform/message-of.js'
import { LocalFault } from './local-fault.js'

/**
 * Why `guardian setup` failed, and what to do about that cause: deleting the data is only named where the data is the
 * cause, and is this stack's own.
 * @param cause with what the command wrote, whose last line is its JSON document
 */
export function setupFault(cause: unknown, hasOwnPostgres: boolean, logs: string): LocalFault {
  const said = messageOf(cause)
  const { error, code } = documentIn(said)
  const remedy =
    code === 'GRD_MIGRATION' && hasOwnPostgres
      ? 'use the version of Guardian that made this data, or another folder (GUARDIAN_DATA_DIR), or delete all data of this stack with npm run reset'
      : `no data is lost: find the cause in the logs of the servers (${logs}) and start again`
  return new LocalFault(`guardian setup failed: ${error ?? said}`, remedy, { cause })
}

function documentIn(said: string): { readonly error?: string; readonly code?: string | null } {
  const text = /\{"error":.*\}$/.exec(said)?.[0]
  if (text === undefined) return {}
  try {
    return JSON.parse(text) as { error?: string; code?: string | null }
  } catch (error) {
    if (error instanceof SyntaxError) return {} // only the end of what it wrote is kept
    throw error
  }
}
