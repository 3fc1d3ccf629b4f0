import type { Operations } from '../../schemas/rest/operations.js'
import type { AnomalyStream } from '../live/anomaly-stream.js'
import type { Handlers } from './router.js'

/** `GET /anomalies/stream`. */
export const createStreamHandlers = (
  stream: Pick<AnomalyStream, 'open'>,
): Pick<Handlers<Operations>, 'streamAnomalies'> => ({
  async streamAnomalies({ query: { rule, mode, last_event_id: first } }, { lastEventId = first, stillMay }) {
    return { body: '', stream: await stream.open({ lastEventId, filter: { rule, mode }, stillMay }) }
  },
})
