import { examineMachine, type Finding } from '../../deploy/local/doctor.js'
import type { Env } from '../../platform/env.js'
import type { Check, CheckState } from './check.js'

/** What `npm start` gets by itself comes later; what needs a person is missing. */
const STATES: Readonly<Record<Finding['status'], CheckState>> = { ok: 'ok', missing: 'later', problem: 'missing' }

/** What the local stack needs of this machine. */
export async function checkMachine(env: Env): Promise<Check[]> {
  const findings = await examineMachine(env)
  return findings.map(({ name, status, detail, fix }) => ({
    name,
    state: STATES[status],
    found: detail,
    remedy: fix === '' ? null : fix,
  }))
}
