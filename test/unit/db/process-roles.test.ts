import assert from 'node:assert/strict'
import { PROCESS_ROLES, TABLE_GRANTS, type ProcessRole } from '../../../db/process-roles.js'

/** What each process decides. Said here a second time on purpose: who gives a process more says it in both places. */
const WRITES: Readonly<Record<ProcessRole, readonly string[]>> = {
  detector: [
    ...[
      'anomaly_sessions',
      'data_gaps',
      'detector_checkpoints',
      'detector_rule_changes',
      'detector_state_pieces',
      'event_collisions',
    ],
    ...['minute_counts', 'misplaced_sessions', 'misplaced_sources', 'produced_counts', 'schema_readings'],
  ],
  archiver: [
    ...[
      'archive_checkpoints',
      'archive_days',
      'archive_files',
      'archive_gaps',
      'archive_slots',
      'archive_ticks',
      'schema_readings',
    ],
  ],
  orchestrator: [
    ...[
      'alert_channels',
      'alert_deliveries',
      'alert_history',
      'alert_looks',
      'alert_silence_summaries',
      'alert_states',
    ],
    'alert_watches',
    ...['archive_compactions', 'archive_files', 'archive_superseded_files', 'back_test_parts', 'back_tests'],
    ...[
      'conversion_funnel',
      'daily_metrics',
      'dead_letter_cursors',
      'dead_letter_fates',
      'dead_letter_replays',
      'dropped_days',
      'kpi_days',
    ],
    ...[
      'kpi_quarantine',
      'kpi_staging',
      'pipeline_runs',
      'popular_items',
      'reconciliation_differences',
      'reconciliations',
    ],
  ],
  api: [
    ...['alert_silences', 'allowlist_entries', 'anomaly_verdicts', 'api_keys', 'api_sessions', 'api_users'],
    ...['audit_log', 'back_tests', 'idempotency_keys', 'kpi_quarantine', 'produced_counts', 'rules'],
  ],
}

/** Who calls, with which key, and what was done: nobody else's business. */
const OF_THE_API_ALONE = ['api_keys', 'api_sessions', 'api_users', 'audit_log', 'idempotency_keys']
/** What was decided, said or done stays. */
const NEVER_DELETED = [
  ...[
    'anomaly_sessions',
    'anomaly_verdicts',
    'api_keys',
    'api_users',
    'audit_log',
    'data_gaps',
    'detector_checkpoints',
  ],
  ...['allowlist_entries', 'dead_letter_fates', 'dead_letter_replays', 'kpi_days', 'rules'],
]

const grants = (): (readonly [string, ProcessRole, string])[] =>
  Object.entries(TABLE_GRANTS).flatMap(([table, byRole]) =>
    PROCESS_ROLES.flatMap((role) => (byRole[role] === undefined ? [] : [[table, role, byRole[role]] as const])),
  )

describe('what the processes may do in PostgreSQL', () => {
  for (const role of PROCESS_ROLES)
    it(`lets the ${role} write what it decides, and nothing else`, () => {
      const written = grants().flatMap(([table, who, letters]) =>
        who === role && /[awd]/.test(letters) ? [table] : [],
      )
      assert.deepEqual(written.sort(), [...WRITES[role]].sort())
    })

  it('shows keys, log-ins and the audit log to nobody but the API', () => {
    const seen = grants().filter(([table, role]) => OF_THE_API_ALONE.includes(table) && role !== 'api')
    assert.deepEqual(seen, [])
  })

  it('lets nobody remove what was decided, or change what was written down', () => {
    const removed = grants().filter(([table, , letters]) => NEVER_DELETED.includes(table) && letters.includes('d'))
    assert.deepEqual(removed, [])
    assert.deepEqual(TABLE_GRANTS['audit_log'], { api: 'ra' })
  })
})
