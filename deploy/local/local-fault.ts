import { messageOf } from '../../platform/message-of.js'
import { redact } from '../../platform/redact.js'

/**
 * Something about this machine keeps the local stack from doing its work. The message names what is wrong, the remedy
 * what to do about it; both are shown as they stand, without a stack trace.
 */
export class LocalFault extends Error {
  override readonly name = 'LocalFault'

  constructor(
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** Whether an error is the system's, with this code. */
export const isFault = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

/** What a person is shown of an error: what is wrong, then what to do, without credentials. */
export const explainFault = (error: unknown): string => redact(explained(error))

function explained(error: unknown): string {
  if (error instanceof LocalFault) return `${error.message}\n  → ${error.remedy}`
  if (isFault(error, 'ENOSPC')) return `${messageOf(error)}\n  → the disk is full: free some space and start again`
  return messageOf(error)
}
