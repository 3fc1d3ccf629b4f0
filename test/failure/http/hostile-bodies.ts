/** As much of a JSON schema as the bodies of our contract use. */
export interface BodySchema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, BodySchema>>
  readonly items?: BodySchema
  readonly anyOf?: readonly BodySchema[]
  readonly oneOf?: readonly BodySchema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
}

export type Schemas = Readonly<Record<string, BodySchema>>

const WRONG: readonly unknown[] = [
  null,
  true,
  '',
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [[[[[[]]]]]],
  'a\0b',
  '\ud800',
  '\u202e',
  "'; DROP TABLE api_keys; --",
  '<script>alert(1)</script>',
  'x'.repeat(5_000),
  '2026-02-30T00:00:00Z',
  '9999-12-31T23:59:59-23:59',
  '0001-01-01T00:00:00Z',
  '-999999-01-01T00:00:00Z',
  { __proto__: null, toString: 1, constructor: { prototype: 1 } },
]
const TEXTS = [
  'a',
  's1',
  'HIGH_FREQUENCY',
  'gdn_abcdefghijklmnopqrstuvwxyz0123456789ABCDEF',
  'EUR',
  'key_0123456789abcdef',
]
const MAX_DEPTH = 6

/** A body that fits its schema in outline; every so many of its values are what they must not be. */
export function hostileBody(random: () => number, schema: BodySchema, schemas: Schemas, wrongShare: number): unknown {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const make = (of: BodySchema, depth: number): unknown => {
    if (random() < wrongShare || depth > MAX_DEPTH) return pick(WRONG)
    if (of.$ref !== undefined) return make(schemas[of.$ref.split('/').at(-1) ?? ''] ?? {}, depth + 1)
    const choices = of.anyOf ?? of.oneOf
    if (choices !== undefined) return make(pick(choices), depth + 1)
    if ('const' in of) return of.const
    if (of.enum !== undefined) return pick(of.enum)
    const type = typeof of.type === 'string' ? of.type : pick(of.type ?? ['object'])
    if (type === 'array') return Array.from({ length: Math.floor(random() * 4) }, () => make(of.items ?? {}, depth + 1))
    if (type === 'integer') return Math.floor(random() * 100)
    if (type === 'number') return random() * 100
    if (type === 'boolean') return random() < 0.5
    if (type === 'null') return null
    if (type === 'string')
      return of.format === 'date-time' ? new Date(Date.now() + random() * 1e8).toISOString() : pick(TEXTS)
    const fields = Object.entries(of.properties ?? {}).filter(() => random() < 0.85)
    const made = Object.fromEntries(fields.map(([name, field]) => [name, make(field, depth + 1)]))
    return random() < wrongShare ? { ...made, [pick(['x', '', 'a'.repeat(300), '\0'])]: pick(WRONG) } : made
  }
  return make(schema, 0)
}
