import { loadConfig } from '../../platform/config.js'
import type { Env } from '../../platform/env.js'
import { STORAGE_VARIABLES } from '../../platform/object-storage/open-storage.js'
import { LOG_READER_VARIABLES } from '../log-reader-variables.js'

const VARIABLES = [
  ...LOG_READER_VARIABLES,
  ...STORAGE_VARIABLES,
  'ARCHIVER_GROUP_ID',
  'ARCHIVER_METRICS_PORT',
  'ARCHIVE_ROLL_INTERVAL_MS',
  'ARCHIVE_ROLL_RECORDS',
  'ARCHIVE_ROLL_BYTES',
  'ARCHIVE_BUFFER_BYTES',
  'ARCHIVE_MEMORY_BYTES',
] as const

/** What an archiver needs from the environment. @throws ConfigError */
export const archiverConfig = (env: Env) => loadConfig(VARIABLES, env)

export type ArchiverConfig = ReturnType<typeof archiverConfig>
