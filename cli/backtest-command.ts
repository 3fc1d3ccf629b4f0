import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { Command } from 'commander'
import type { Database } from '../db/pool.js'
import {
  createBackTest,
  endBackTest,
  START_UNCONFIRMED,
  getBackTest,
  type BackTestRow,
  type NewBackTest,
  type TestedRule,
} from '../db/stores/back-tests.js'
import { readRuleVersions } from '../db/stores/rule-versions.js'
import { totalOf, type BackTestedCounts, type BackTestSample } from '../domain/detection/back-test-result.js'
import { backTestDays } from '../domain/detection/check-back-test.js'
import { ruleInForce } from '../domain/detection/rule.js'
import { RULE_KINDS } from '../domain/detection/rule-kinds.js'
import { GuardianError } from '../domain/errors.js'
import { loadConfig } from '../platform/config.js'
import { WORKFLOWS, type BackTestInput } from '../workflows/contract.js'
import { changeByShell } from './change-by-shell.js'
import { UsageError } from './cli-error.js'
import { startProgress } from './progress.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'
import { withDatabase } from './with-database.js'
import { withTemporal } from './with-temporal.js'

interface Words {
  readonly from: string
  readonly to: string
  readonly wait: boolean
  readonly json?: boolean
}

interface Candidate extends TestedRule {
  readonly ruleId: string
}

const POLL_MS = 500

/** `guardian backtest`: what a rule would have flagged on archived days, before it is put in force. */
export const backtestCommand = (): Command =>
  new Command('backtest')
    .description('what a rule would have flagged on archived days, against the version in force')
    .argument('<rule>', 'a stored version, such as BOT_LIKE@3 (BOT_LIKE: its newest), or a JSON file of one')
    .requiredOption('--from <YYYY-MM-DD>', 'first day')
    .requiredOption('--to <YYYY-MM-DD>', 'last day; it has to be over')
    .option('--no-wait', 'only start it')
    .option('--json', 'print one JSON document')
    .addHelpText('after', '\nA file: {"rule_id": "BOT_LIKE", "kind": "BOT_LIKE", "parameters": {"windowMs": 60000, …}}')
    .action((rule: string, words: Words) =>
      runCommand(words, (terminal) => withDatabase(terminal, (db) => backtest(db, rule, words, terminal))),
    )

async function backtest(db: Database, rule: string, words: Words, terminal: Terminal): Promise<CommandResult> {
  const { ruleId, ...candidate } = await candidateOf(db, rule)
  const config = loadConfig(['BACK_TEST_MAX_DAYS', 'BACK_TESTS_OPEN_MAX', 'BACK_TESTS_KEPT'], terminal.env)
  asUsage(() => {
    ruleInForce({ ruleId, ...candidate, state: 'draft' }, 'active', RULE_KINDS)
    backTestDays(words.from, words.to, Date.now(), config.BACK_TEST_MAX_DAYS)
  })
  const test: NewBackTest = { backTestId: randomUUID(), ruleId, candidate, fromDay: words.from, toDay: words.to }
  const limits = { open: config.BACK_TESTS_OPEN_MAX, kept: config.BACK_TESTS_KEPT }
  await withTemporal(terminal, async (client) => {
    await createBackTest(db, test, limits, changeByShell())
    await begin(db, client, test.backTestId)
  })
  terminal.say(`back-test ${test.backTestId} runs; the orchestrator does the work`)
  const row = words.wait ? await ended(db, test.backTestId) : await found(db, test.backTestId)
  return { document: documentOf(row), lines: linesOf(row), complete: row.state !== 'failed' }
}

async function begin(db: Database, client: Client, backTestId: string): Promise<void> {
  const { type, taskQueue, workflowId } = WORKFLOWS.backTest
  try {
    await client.workflow.start(type, {
      taskQueue,
      workflowId: workflowId(backTestId),
      args: [{ backTestId } satisfies BackTestInput],
      workflowRunTimeout: '6 hours',
      staticSummary: 'A candidate rule on archived days',
    })
  } catch (error) {
    await endBackTest(db, backTestId, { reason: START_UNCONFIRMED })
    throw error
  }
}

async function ended(db: Database, backTestId: string): Promise<BackTestRow> {
  const progress = startProgress('deciding', undefined, process.stderr)
  try {
    for (;;) {
      const row = await found(db, backTestId)
      if (row.endedTs !== null) return row
      progress.update({ done: row.recordsRead, records: row.recordsRead, note: `of ${row.records}` })
      await sleep(POLL_MS)
    }
  } finally {
    progress.stop()
  }
}

async function found(db: Database, backTestId: string): Promise<BackTestRow> {
  const row = await getBackTest(db, backTestId)
  if (row === undefined) throw new Error(`the back-test ${backTestId} is gone`)
  return row
}

/** A word that can be a rule's id is one; anything else is the name of a file. */
async function candidateOf(db: Database, word: string): Promise<Candidate> {
  const match = /^([A-Z][A-Z0-9_]*)(?:@([1-9]\d{0,8}))?$/.exec(word)
  if (!match) return fileCandidate(word, await readFile(word, 'utf8').catch(() => undefined))
  const [, ruleId = '', version] = match
  const versions = await readRuleVersions(db, ruleId)
  const row = version === undefined ? versions[0] : versions.find((one) => one.version === Number(version))
  if (row === undefined) throw new UsageError(`no rule ${word}: see guardian rules list`)
  return { ruleId, version: row.version, kind: row.kind, parameters: row.parameters }
}

function fileCandidate(file: string, text: string | undefined): Candidate {
  if (text === undefined) throw new UsageError(`${file} is neither a rule's id nor a file that can be read`)
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch (cause) {
    throw new UsageError(`${file} is not JSON`, { cause })
  }
  const { rule_id: ruleId, kind, parameters } = (read ?? {}) as Readonly<Record<string, unknown>>
  if (typeof ruleId !== 'string' || !/^[A-Z][A-Z0-9_]{0,99}$/.test(ruleId))
    throw new UsageError(`${file}: rule_id is not capitals, digits and _`)
  if (typeof kind !== 'string' || typeof parameters !== 'object' || parameters === null || Array.isArray(parameters))
    throw new UsageError(`${file}: kind is a text, and parameters is an object`)
  return { ruleId, version: 0, kind, parameters: parameters as TestedRule['parameters'] }
}

const documentOf = ({ result, ...row }: BackTestRow) => ({
  ...row,
  result: result === null ? null : { total: totalOf(result.days), ...result },
})

function linesOf({ backTestId, state, reason, result, inForce, recordsRead }: BackTestRow): string[] {
  if (state === 'failed') return [`failed: ${reason ?? ''}`]
  if (result === null) return [`started ${backTestId}`]
  const against = inForce === null ? 'no version is in force' : `against version ${inForce.version}`
  return [
    `${recordsRead} records decided, ${against}`,
    ...result.days.map((day) => `${day.day}: ${countsLine(day)}`),
    `in all: ${countsLine(totalOf(result.days))}`,
    ...result.samples.map(sampleLine),
  ]
}

const countsLine = ({ candidate, inForce, gained, lost }: BackTestedCounts): string =>
  `${candidate.windows} windows of ${candidate.sessions} sessions (${candidate.boughtSessions} bought), ` +
  `in force ${inForce.windows} of ${inForce.sessions} (${inForce.boughtSessions} bought); ` +
  `gained ${gained.sessions} (${gained.boughtSessions} bought), lost ${lost.sessions} (${lost.boughtSessions} bought)`

const sampleLine = ({ kind, day, sessionId, windows, events, distinctItems, bought }: BackTestSample): string =>
  `${kind} ${day} ${JSON.stringify(sessionId)}: ${windows} windows, up to ${events} events on ${distinctItems} items${bought ? ', bought' : ''}`

/** What the domain refuses of a rule or a range is wrong use. */
function asUsage(check: () => void): void {
  try {
    check()
  } catch (error) {
    if (error instanceof GuardianError) throw new UsageError(error.message, { cause: error })
    throw error
  }
}
