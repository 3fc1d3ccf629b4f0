import { fingerprintOf, type Observation } from '../observation.js'

/** A source that does not answer is an alert of its own: silence would look like peace. */
export const observeUnreadable = (source: string): Observation => ({
  source: 'watch',
  fingerprint: fingerprintOf('watch', source),
  cause: `Alerts about ${source} are not evaluated`,
  severity: 'warning',
  count: 0,
  summary: `Alerts about ${source} could not be evaluated: their source did not answer. Other alerts were evaluated.`,
  sample: null,
  firstStep:
    'Check that PostgreSQL, Kafka and Temporal answer: `guardian doctor`. The log of the orchestrator has the error.',
  figures: { source },
  links: [],
})
