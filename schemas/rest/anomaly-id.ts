import { z } from 'zod'
import { freshLogOfTopic } from '../../domain/fresh-log.js'
import { LAST_INSTANT_MS } from './parameters.js'

const MODES = ['active', 'shadow'] as const

/** What one anomaly is known by. */
export interface AnomalyKey {
  readonly windowStart: Date
  readonly sessionId: string
  readonly ruleId: string
  readonly mode: (typeof MODES)[number]
  /** Part of the id for a fresh log alone. */
  readonly topic?: string | undefined
}

const text = z
  .string()
  .min(1)
  .refine((one) => !one.includes('\0'))
const KEY = [z.int().min(0).max(LAST_INSTANT_MS), text, text, z.enum(MODES)] as const
const FreshTopic = z.string().refine((topic) => freshLogOfTopic(topic) !== undefined)
const KeyTuple = z.union([z.tuple(KEY), z.tuple([...KEY, FreshTopic])])

/** The id of an anomaly in a URL, and the cursor that stands behind it in a list: opaque, and the same for ever. */
export function anomalyIdOf({ windowStart, sessionId, ruleId, mode, topic = '' }: AnomalyKey): string {
  const key = [windowStart.getTime(), sessionId, ruleId, mode]
  if (freshLogOfTopic(topic)) key.push(topic)
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** The key behind an id. Only the exact text that `anomalyIdOf` makes is read. @returns undefined for anything else */
export function parseAnomalyId(id: string): AnomalyKey | undefined {
  const key = KeyTuple.safeParse(parseJson(Buffer.from(id, 'base64url').toString('utf8')))
  if (!key.success) return undefined
  const [windowStartMs, sessionId, ruleId, mode, topic] = key.data
  const parsed = {
    windowStart: new Date(windowStartMs),
    sessionId,
    ruleId,
    mode,
    ...(topic !== undefined && { topic }),
  }
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

const AnyIdText = z
  .string('expected one id')
  .max(MAX_ID_CHARS, 'not an id that this API gave')
  .regex(/^[A-Za-z0-9_-]+$/, 'not an id that this API gave')

/** An id as a parameter, of any log. */
export const AnomalyIdText = AnyIdText.transform((text, context): AnomalyKey => {
  const key = parseAnomalyId(text)
  if (key !== undefined) return key
  context.addIssue({ code: 'custom', message: 'not an id that this API gave' })
  return z.NEVER
})

/** An id as a parameter where an anomaly of a fresh log has no place: nobody acts on it. */
export const LiveAnomalyIdText = AnomalyIdText.refine(
  ({ topic }) => topic === undefined,
  'the anomaly is of a fresh log, which has none of this',
)
