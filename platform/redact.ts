const CENSOR = '[redacted]'

/** A shorter secret is also part of ordinary words: only the patterns below find it. */
const MIN_LENGTH = 6
/** Forms of secrets that are kept; a process has some fifty. Beyond it the oldest is dropped. */
const MAX_FORMS = 2_000

/** What is secret by its form, whoever wrote it. No pattern takes a quotation mark, so that a line of JSON stays one. */
const PATTERNS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*?-----END [A-Z ]*PRIVATE KEY-----/g, CENSOR],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>\\]*@/gi, `$1${CENSOR}@`],
  [/\b(basic|bearer)\s+[\w+/=.~-]{8,}/gi, `$1 ${CENSOR}`],
  [/\b(password|passwd|secret|token|api[_-]?key|access[_-]?token|client[_-]?secret)=[^\s&;,"'\\]+/gi, `$1=${CENSOR}`],
  [/\b(hooks\.slack\.com\/)[^\s"'<>\\]+/gi, `$1${CENSOR}`],
]

/**
 * The secrets of this process. One set for all of it, on purpose: a secret that has been read is then censored in every
 * text, whichever part writes it, and no part can forget to be given the list.
 */
const forms = new Set<string>()
let known: RegExp | undefined

/** Censors a secret from now on, also encoded as in a URL, in JSON or in Base64. One below 6 characters cannot be. */
export function protect(secret: string): void {
  const lines = secret.includes('\n') ? secret.split(/\r?\n/).filter((line) => /^[\w+/=]{20,}$/.test(line)) : []
  for (const text of [secret, ...lines]) {
    if (text.length < MIN_LENGTH) continue
    const bytes = Buffer.from(text)
    const inBase64 = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url')]
    for (const form of [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1), ...inBase64]) add(form)
  }
}

/** Censors the user's password of a URL, as it stands there and decoded. A text that is no URL is censored whole. */
export function protectUrl(text: string): void {
  if (!URL.canParse(text)) {
    protect(text)
    return
  }
  const { password } = new URL(text)
  for (const form of [password, decoded(password), rawPassword(text)]) protect(form)
}

/** What stands between the user and the last @ of the authority: `URL` encodes some of it. */
const rawPassword = (text: string): string => /^[^/]+:\/\/[^/?#]*?:([^/?#]*)@/.exec(text)?.[1] ?? ''

/** The text of a part of a URL; as it is when it is not encoded well. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return text
    throw error
  }
}

function add(form: string): void {
  if (forms.has(form)) return
  forms.add(form)
  known = undefined
  const [oldest] = forms
  if (forms.size > MAX_FORMS && oldest !== undefined) forms.delete(oldest)
}

/** The text without credentials: those of this process, and what is one by its form. JSON stays JSON. */
export function redact(text: string): string {
  if (forms.size > 0) text = text.replace((known ??= anyOf(forms)), CENSOR)
  for (const [pattern, replacement] of PATTERNS) text = text.replace(pattern, replacement)
  return text
}

/** The longest first: a secret can begin as another one does. */
const anyOf = (texts: Iterable<string>): RegExp =>
  new RegExp(
    [...texts]
      .sort((a, b) => b.length - a.length)
      .map((text) => text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, '\\$&'))
      .join('|'),
    'g',
  )

const MAX_CAUSES = 8

/** Takes credentials out of an error that leaves the process: message and stack, its causes and parts included. @returns the same error */
export function redactError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) || depth > MAX_CAUSES) return error
  for (const name of ['message', 'stack'] as const) {
    const text = error[name]
    if (text !== undefined && redact(text) !== text)
      Object.defineProperty(error, name, { value: redact(text), configurable: true, writable: true })
  }
  redactError(error.cause, depth + 1)
  if (error instanceof AggregateError) for (const one of error.errors) redactError(one, depth + 1)
  return error
}
