import { z } from 'zod'
import { VERDICTS } from '../../domain/review/verdict.js'
import { textOf, Timestamp } from './parameters.js'

export const VerdictName = z
  .enum(VERDICTS, `not one of ${VERDICTS.join(', ')}`)
  .meta({ description: 'false_positive: it counts for no figure and no alert; undecided takes a verdict back' })

export const NewVerdict = z
  .strictObject({
    verdict: VerdictName,
    comment: textOf(2_000).meta({ description: 'Why', example: 'our own price monitor' }),
  })
  .meta({ id: 'NewVerdict' })

const given = {
  version: z.int().min(0).meta({ description: '0: nobody has said anything yet' }),
  verdict: VerdictName,
  comment: z.string(),
  author: z.string().nullable().meta({ description: 'The id of the key' }),
  author_name: z.string().nullable(),
  decided_ts: Timestamp.nullable(),
}

export const VerdictDocument = z
  .strictObject({
    anomaly_id: z.string(),
    ...given,
    affected_days: z
      .array(z.iso.date())
      .meta({ description: 'Days that the window has a part in: their published figures are stale once it changes' }),
    history: z.array(z.strictObject(given)).meta({ description: 'Newest first; the last 100' }),
  })
  .meta({ id: 'Verdict' })
export type VerdictDocument = z.output<typeof VerdictDocument>
