import { redact } from '../platform/redact.js'

/** The command line does not say what is to be done: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** One line that says what went wrong and why, causes included, without a stack and without credentials. */
export function errorLine(error: unknown): string {
  const parts: string[] = []
  for (let at = error; at instanceof Error && parts.length < 5; at = at.cause) {
    const text =
      at instanceof AggregateError ? [at.message, ...at.errors.map(errorLine)].filter(Boolean).join(': ') : at.message
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
  }
  return redact((parts.length > 0 ? parts.join(': ') : messageOf(error)).replaceAll(/\s*\n\s*/g, ' '))
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))

/** The stable code of an error, for programs; null without one. */
export function errorCode(error: unknown): string | null {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  return typeof code === 'string' ? code : null
}
