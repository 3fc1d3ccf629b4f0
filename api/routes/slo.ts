import type { Objective } from '../../domain/slo/error-budget.js'
import type { Operations } from '../../schemas/rest/operations.js'
import { sloReport, type ReadStageTimes } from '../../schemas/rest/slo.js'
import type { Handlers } from './router.js'

export interface SloDeps {
  readonly readStageTimes: ReadStageTimes
  readonly objective: Objective
  readonly nowMs: () => number
}

/** `GET /slo`. */
export const createSloHandlers = ({
  readStageTimes,
  objective,
  nowMs,
}: SloDeps): Pick<Handlers<Operations>, 'getSlo'> => ({
  async getSlo({ query }) {
    const body = await sloReport(readStageTimes, objective, query.hours, new Date(nowMs()))
    const { stages, samples, backdated, budget } = body
    return { body, version: { stages, samples, backdated, budget } }
  },
})
