import { z } from 'zod'
import { RULE_STATES } from '../../domain/detection/rule.js'
import { WholePage } from './page.js'
import { lineOf, Timestamp } from './parameters.js'

export const RuleId = lineOf(100).regex(/^[A-Z][A-Z0-9_]*$/, 'not capitals, digits and _')

/** A version in a path. The OpenAPI document calls it an integer, which is what clients send. */
const Version = lineOf(9)
  .regex(/^[1-9]\d{0,8}$/, 'not a version')
  .transform(Number)
  .meta({ override: { type: 'integer', minimum: 1, maximum: 999_999_999 } })

export const RuleParams = z.strictObject({ rule_id: RuleId.meta({ example: 'HIGH_FREQUENCY' }) })
export const RuleVersionParams = z.strictObject({ rule_id: RuleId, version: Version })
export const RuleDiffQuery = z.strictObject({ from: Version, to: Version })

export const RuleParameters = z
  .record(lineOf(100), z.number())
  .refine((parameters) => Object.keys(parameters).length <= 20, 'more than 20 parameters')
  .meta({ description: 'As the kind has them; milliseconds end in `Ms`', example: { windowMs: 10_000, minEvents: 50 } })

export const NewDraft = z
  .strictObject({
    kind: lineOf(100).meta({ description: 'One of the kinds that this release has', example: 'HIGH_FREQUENCY' }),
    parameters: RuleParameters,
  })
  .meta({ id: 'NewDraft' })

export const DraftEdit = z.strictObject({ parameters: RuleParameters }).meta({ id: 'DraftEdit' })

export const RuleStateChange = z
  .strictObject({
    state: z
      .enum(['shadow', 'active', 'retired'], 'not one of shadow, active, retired')
      .meta({ description: 'shadow: anomalies are only stored; active: they are acted on' }),
  })
  .meta({ id: 'RuleStateChange' })

export const RuleVersion = z
  .strictObject({
    rule_id: z.string(),
    version: z.int().min(1),
    kind: z.string(),
    state: z.enum(RULE_STATES),
    parameters: z.record(z.string(), z.unknown()),
    created_ts: Timestamp,
    state_ts: Timestamp.meta({ description: 'Since when it has this state' }),
  })
  .meta({ id: 'RuleVersion' })
export type RuleVersion = z.output<typeof RuleVersion>

export const RuleVersionList = z
  .strictObject({
    data: z.array(RuleVersion),
    page: WholePage,
  })
  .meta({ id: 'RuleVersionList', description: 'Newest version first within a rule; all of them' })

export const RuleDiff = z
  .strictObject({
    rule_id: z.string(),
    from: z.int(),
    to: z.int(),
    changes: z.array(
      z.strictObject({
        name: z.string().meta({ description: '`kind`, or a parameter' }),
        from: z.unknown().meta({ description: 'null: not there' }),
        to: z.unknown(),
      }),
    ),
  })
  .meta({ id: 'RuleDiff' })
