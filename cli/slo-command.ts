import { Command } from 'commander'
import { readStageTimes } from '../db/read-models/slo.js'
import { loadConfig } from '../platform/config.js'
import { SLO_HOURS_MAX, sloReport, type Slo } from '../schemas/rest/slo.js'
import { UsageError } from './cli-error.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { wholeNumber } from './whole-number.js'
import { withDatabase } from './with-database.js'

/** `guardian slo`: how long anomalies took, and what is left of the error budget. */
export const sloCommand = (): Command =>
  new Command('slo')
    .description('how long it took from an event to the anomaly it gave away, and what is left of the error budget')
    .option('--hours <n>', 'anomalies first written in the last so many hours', '24')
    .option('--json', 'print one JSON document')
    .action((words: { readonly hours: string; readonly json?: boolean }) =>
      runCommand(words, (terminal) => report(words.hours, terminal)),
    )

async function report(words: string, terminal: Terminal): Promise<CommandResult> {
  const hours = wholeNumber('--hours', words, SLO_HOURS_MAX)
  if (hours === 0) throw new UsageError('--hours is 1 or more')
  const config = loadConfig(['SLO_TARGET_MS', 'SLO_PERCENT', 'ALLOWED_LATENESS_MS'], terminal.env)
  const objective = { targetMs: config.SLO_TARGET_MS, percent: config.SLO_PERCENT }
  const slo = await withDatabase(terminal, (db) =>
    sloReport(
      (from, to, targetMs) => readStageTimes(db, from, to, { targetMs, allowedLatenessMs: config.ALLOWED_LATENESS_MS }),
      objective,
      hours,
      new Date(),
    ),
  )
  return { document: slo, lines: linesOf(slo), complete: true }
}

const shown = (ms: number | null): string => (ms === null ? '-' : `${ms.toFixed(1)} ms`).padStart(12)

const linesOf = ({ samples, backdated, reason, stages, objective, budget }: Slo): string[] => [
  `${'stage'.padEnd(20)}${['p50', 'p95', 'p99'].map((name) => name.padStart(12)).join('')}`,
  ...stages.map(
    ({ stage, p50_ms, p95_ms, p99_ms }) => `${stage.padEnd(20)}${[p50_ms, p95_ms, p99_ms].map(shown).join('')}`,
  ),
  `${samples} anomalies of live events${reason === null ? '' : `: ${reason}`}`,
  ...(backdated === 0 ? [] : [`${backdated} anomalies of events of the past, as of an old log, are left out`]),
  `objective: ${objective.percent} % within ${objective.target_ms} ms; ${budget.slow} were slower: ${budget.says}`,
]
