import { GuardianError } from '../../domain/errors.js'
import type { Queryable } from '../pool.js'

export interface RunKey {
  readonly workflowId: string
  readonly runId: string
}

export interface RunStart extends RunKey {
  readonly workflowType: string
  readonly startedTs: Date
  readonly details: Readonly<Record<string, unknown>>
}

export interface RunEnd extends RunKey {
  readonly status: 'completed' | 'failed'
  readonly endedTs: Date
  /** Added to the details that the start gave; a key in both takes this value. */
  readonly details: Readonly<Record<string, unknown>>
}

const RUNNING = `
SELECT r.workflow_id AS "workflowId", r.run_id AS "runId"
  FROM pipeline_runs r WHERE r.status = 'running' AND r.started_ts < $1 ORDER BY r.started_ts, r.run_id LIMIT $2`

const CLOSE = `
UPDATE pipeline_runs AS r
   SET status = $3, ended_ts = now(), details = r.details || $4::jsonb
 WHERE r.workflow_id = $1 AND r.run_id = $2 AND r.status = 'running'`

const START = `
INSERT INTO pipeline_runs AS r (workflow_id, run_id, workflow_type, status, started_ts, details)
VALUES ($1, $2, $3, 'running', $4, $5)
ON CONFLICT (workflow_id, run_id) DO NOTHING`

const END = `
UPDATE pipeline_runs AS r
   SET status = $3, ended_ts = $4, details = r.details || $5::jsonb
 WHERE r.workflow_id = $1 AND r.run_id = $2 AND (r.status = 'running' OR r.status = $3)`

/** Records that a run has started. Repeating it changes nothing. @throws GRD_STORE_* */
export async function recordRunStart(db: Queryable, run: RunStart): Promise<void> {
  const { workflowId, runId, workflowType, startedTs, details } = run
  await db.query(START, [workflowId, runId, workflowType, startedTs, JSON.stringify(details)])
}

/**
 * Records how a run ended. Repeating it with the same values changes nothing.
 * @throws GRD_BAD_INPUT when the run was never started, or has ended the other way; GRD_STORE_*
 */
export async function recordRunEnd(db: Queryable, run: RunEnd): Promise<void> {
  const { workflowId, runId, status, endedTs, details } = run
  const { rowCount } = await db.query(END, [workflowId, runId, status, endedTs, JSON.stringify(details)])
  if (rowCount !== 1) throw new GuardianError('GRD_BAD_INPUT', `no running pipeline run ${workflowId}/${runId}`)
}

/** Runs that started before an instant and have no end, oldest first. @throws GRD_STORE_* */
export const listRunningRuns = async (db: Queryable, before: Date, limit: number): Promise<RunKey[]> =>
  (await db.query<RunKey>(RUNNING, [before, limit])).rows

/**
 * Closes a run that Temporal has ended without its own record. It ends now: a watch that has passed the time when Temporal
 * ended it reports it nevertheless. A run that has an end keeps it. @throws GRD_STORE_*
 */
export async function closeRun(db: Queryable, run: Omit<RunEnd, 'endedTs'>): Promise<void> {
  await db.query(CLOSE, [run.workflowId, run.runId, run.status, JSON.stringify(run.details)])
}
