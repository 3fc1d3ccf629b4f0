import { setImmediate as nextTurn } from 'node:timers/promises'
import { cancellationSignal } from '@temporalio/activity'
import { BackTest, type BackTestRules } from '../../domain/detection/back-test.js'
import {
  flaggedSessions,
  mergeResults,
  resultOf,
  type BackTestResult,
} from '../../domain/detection/back-test-result.js'
import type { DetectorPolicy } from '../../domain/detection/partition-detector.js'
import { ruleInForce } from '../../domain/detection/rule.js'
import { RULE_KINDS } from '../../domain/detection/rule-kinds.js'
import type { Anomaly } from '../../domain/detection/anomaly.js'
import { GuardianError } from '../../domain/errors.js'
import { addDays, startOfDayMs, type UtcDay } from '../../domain/utc-day.js'
import { inTurn } from '../../platform/in-turn.js'
import { asActivity } from '../activity-failure.js'
import type { WithFiles } from '../with-files.js'
import { ArchivedRecords, type ArchivedFile, type ArchiveReaderSettings } from './archived-records.js'

interface StoredRule {
  readonly version: number
  readonly kind: string
  readonly parameters: Readonly<Record<string, unknown>>
}

/** What is to be tested, as it was asked for. */
export interface BackTestOrder {
  readonly ruleId: string
  readonly candidate: StoredRule
  readonly inForce: StoredRule | null
  /** Oldest first. */
  readonly days: readonly UtcDay[]
}

/** What is to be read of one log of one partition of the clicks. */
export interface BackTestLog {
  readonly kafkaPartition: number
  /** The highest min(event, append) time before the files, and in all that is archived of the log; 0 without any. */
  readonly beforeMs: number
  readonly logHighMs: number
  /** Among the records that are read, in order. */
  readonly ticks: readonly { readonly offset: number; readonly atMs: number }[]
  readonly files: readonly (ArchivedFile & { readonly rows: number })[]
}

/** What is to be read of one partition: one log, or more when the topic was made anew. Each is decided for itself. */
export interface BackTestPart {
  readonly kafkaPartition: number
  /** The oldest first. */
  readonly logs: readonly BackTestLog[]
}

export interface BackTestDeps {
  readonly backTestOrder: (backTestId: string) => Promise<BackTestOrder | undefined>
  /** The partitions that have clicks of the days, or of a day beside them. */
  readonly backTestParts: (days: readonly UtcDay[]) => Promise<BackTestPart[]>
  /** Paths of files with purchases of the days. */
  readonly purchaseFiles: (days: readonly UtcDay[]) => Promise<string[]>
  readonly beginBackTest: (
    backTestId: string,
    parts: readonly { readonly kafkaPartition: number; readonly records: number }[],
  ) => Promise<void>
  readonly reportBackTestPart: (backTestId: string, kafkaPartition: number, recordsRead: number) => Promise<void>
  readonly storeBackTestPart: (
    backTestId: string,
    kafkaPartition: number,
    recordsRead: number,
    result: BackTestResult,
  ) => Promise<void>
  readonly backTestPartResults: (backTestId: string) => Promise<BackTestResult[]>
  readonly endBackTest: (
    backTestId: string,
    end: { readonly result: BackTestResult } | { readonly reason: string },
  ) => Promise<void>
  readonly detectorPolicy: DetectorPolicy
  readonly maxBackTestWindows: number
  readonly archiveReader: ArchiveReaderSettings
  readonly withFiles: WithFiles
  readonly onBackTested: (records: number) => void
}

interface PartRequest {
  readonly backTestId: string
  readonly kafkaPartition: number
}

const RECORDS_PER_TURN = 2_000

/** Activities that test a rule on the archive. What is tested is looked up by its id; all may be repeated. */
export const createBackTestActivities = (deps: BackTestDeps) => {
  /** One partition at a time: the detector works on this process's one thread, and reads within one memory. */
  const next = inTurn()
  return {
    /** Checks the rule, and says which partitions have to be tested. @throws GRD_BAD_RULE; GRD_BAD_INPUT without records */
    beginBackTest: ({ backTestId }: Pick<PartRequest, 'backTestId'>): Promise<{ readonly parts: readonly number[] }> =>
      asActivity(async () => {
        const order = await orderOf(deps, backTestId)
        rulesOf(order)
        const parts = await deps.backTestParts(order.days)
        const [from, to] = [order.days[0], order.days.at(-1)]
        if (parts.length === 0)
          throw new GuardianError('GRD_BAD_INPUT', `nothing is archived of ${from ?? ''} to ${to ?? ''}`)
        const sizes = parts.map(({ kafkaPartition, logs }) => ({
          kafkaPartition,
          records: logs.flatMap(({ files }) => files).reduce((sum, { rows }) => sum + rows, 0),
        }))
        await deps.beginBackTest(backTestId, sizes)
        return { parts: parts.map(({ kafkaPartition }) => kafkaPartition) }
      }),

    /** Tests one partition, and stores what came of it. */
    testBackTestPart: (request: PartRequest): Promise<{ readonly records: number }> => {
      let records = 0
      const work = async () => {
        await next(() => testPart(deps, request, (read) => (records = read)))
        deps.onBackTested(records)
        return { records }
      }
      return asActivity(work, () => records)
    },

    /** Puts the results of the partitions together. */
    completeBackTest: ({ backTestId }: Pick<PartRequest, 'backTestId'>): Promise<void> =>
      asActivity(async () => {
        const { days } = await orderOf(deps, backTestId)
        const result = mergeResults(days, await deps.backTestPartResults(backTestId))
        await deps.endBackTest(backTestId, { result })
      }),

    failBackTest: ({ backTestId, reason }: { readonly backTestId: string; readonly reason: string }): Promise<void> =>
      asActivity(() => deps.endBackTest(backTestId, { reason })),
  }
}

export type BackTestActivities = ReturnType<typeof createBackTestActivities>

async function orderOf(deps: BackTestDeps, backTestId: string): Promise<BackTestOrder> {
  const order = await deps.backTestOrder(backTestId)
  if (order === undefined) throw new GuardianError('GRD_BAD_INPUT', `no back-test ${backTestId}`)
  return order
}

function rulesOf({ ruleId, candidate, inForce }: BackTestOrder): BackTestRules {
  const rule = (stored: StoredRule, mode: 'shadow' | 'active') =>
    ruleInForce({ ruleId, ...stored, state: mode }, mode, RULE_KINDS)
  return {
    candidate: rule(candidate, 'shadow'),
    inForce: inForce === null ? undefined : rule(inForce, 'active'),
  }
}

const spanOf = (days: readonly UtcDay[]): { readonly fromMs: number; readonly toMs: number } => {
  const [first, last] = [days[0], days.at(-1)]
  if (first === undefined || last === undefined) throw new GuardianError('GRD_BAD_INPUT', 'no day to test')
  return { fromMs: startOfDayMs(first), toMs: startOfDayMs(addDays(last, 1)) }
}

async function testPart(
  deps: BackTestDeps,
  { backTestId, kafkaPartition }: PartRequest,
  report: (records: number) => void,
): Promise<void> {
  cancellationSignal().throwIfAborted() // it may have waited for its turn
  const order = await orderOf(deps, backTestId)
  const part = (await deps.backTestParts(order.days)).find((one) => one.kafkaPartition === kafkaPartition)
  if (part === undefined) throw new GuardianError('GRD_BAD_INPUT', `nothing is archived of partition ${kafkaPartition}`)
  const span = spanOf(order.days)
  const purchases = await deps.purchaseFiles(order.days)
  let records = 0
  const paths = [...part.logs.flatMap(({ files }) => files).map(({ path }) => path), ...purchases]
  const work = async (archive: ArchivedRecords, pathOf: (key: string) => string): Promise<BackTestResult> => {
    const onRead = async (read: number) => {
      cancellationSignal().throwIfAborted()
      records += read
      report(records)
      await deps.reportBackTestPart(backTestId, kafkaPartition, records)
    }
    const how = { policy: deps.detectorPolicy, span: { ...span, maxWindows: deps.maxBackTestWindows }, onRead }
    const rows: Anomaly[] = []
    for (const log of part.logs)
      rows.push(...(await decideArchived(archive, located(log, pathOf), rulesOf(order), how)))
    const bought = await archive.boughtAmong(flaggedSessions(rows), purchases.map(pathOf), span)
    return resultOf(rows, bought)
  }
  const result = await deps.withFiles(paths, (pathOf) =>
    ArchivedRecords.with({ ...deps.archiveReader, signal: cancellationSignal() }, (archive) => work(archive, pathOf)),
  )
  cancellationSignal().throwIfAborted()
  await deps.storeBackTestPart(backTestId, kafkaPartition, records, result)
}

const located = (log: BackTestLog, pathOf: (key: string) => string): BackTestLog => ({
  ...log,
  files: log.files.map((file) => ({ ...file, path: pathOf(file.path) })),
})

/**
 * Decides what is archived of one log of a partition, by both rules. @returns their rows @throws GRD_BAD_INPUT beyond the limit of
 * windows
 */
export async function decideArchived(
  archive: ArchivedRecords,
  log: BackTestLog,
  rules: BackTestRules,
  how: {
    readonly policy: DetectorPolicy
    readonly span: ConstructorParameters<typeof BackTest>[2]
    /** Told of the records that were read since it was last told. */
    readonly onRead?: (records: number) => Promise<void>
  },
): Promise<Anomaly[]> {
  const test = new BackTest(how.policy, rules, how.span)
  if (log.beforeMs > 0) test.resumeBehind(log.beforeMs)
  let ticked = 0
  for await (const some of archive.clicks(log.kafkaPartition, log.files)) {
    for (const [at, record] of some.entries()) {
      for (let tick; (tick = log.ticks[ticked]) && tick.offset < record.kafka_offset; ticked++)
        test.tick(tick.atMs, tick.offset)
      test.decide(record, record.kafka_offset, record.append_ms)
      if (at % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await nextTurn()
    }
    await how.onRead?.(some.length)
  }
  return test.rows(log.logHighMs)
}
