import { z } from 'zod'
import { LAST_INSTANT_MS } from './parameters.js'

const MODES = ['active', 'shadow'] as const

/** The primary key of an anomaly. */
export interface AnomalyKey {
  readonly windowStart: Date
  readonly sessionId: string
  readonly ruleId: string
  readonly mode: (typeof MODES)[number]
}

const KeyTuple = z.tuple([
  z.int().min(0).max(LAST_INSTANT_MS),
  z
    .string()
    .min(1)
    .refine((text) => !text.includes('\0')),
  z
    .string()
    .min(1)
    .refine((text) => !text.includes('\0')),
  z.enum(MODES),
])

/** The id of an anomaly in a URL, and the cursor that stands behind it in a list: opaque, and the same for ever. */
export function anomalyIdOf({ windowStart, sessionId, ruleId, mode }: AnomalyKey): string {
  return Buffer.from(JSON.stringify([windowStart.getTime(), sessionId, ruleId, mode])).toString('base64url')
}

/** The key behind an id. Only the exact text that `anomalyIdOf` makes is read. @returns undefined for anything else */
export function parseAnomalyId(id: string): AnomalyKey | undefined {
  const key = KeyTuple.safeParse(parseJson(Buffer.from(id, 'base64url').toString('utf8')))
  if (!key.success) return undefined
  const [windowStartMs, sessionId, ruleId, mode] = key.data
  const parsed = { windowStart: new Date(windowStartMs), sessionId, ruleId, mode }
  return anomalyIdOf(parsed) === id ? parsed : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const MAX_ID_CHARS = 8_192

/** An id as a parameter. */
export const AnomalyIdText = z
  .string('expected one id')
  .max(MAX_ID_CHARS, 'not an id that this API gave')
  .regex(/^[A-Za-z0-9_-]+$/, 'not an id that this API gave')
  .transform((text, context): AnomalyKey => {
    const key = parseAnomalyId(text)
    if (key !== undefined) return key
    context.addIssue({ code: 'custom', message: 'not an id that this API gave' })
    return z.NEVER
  })
