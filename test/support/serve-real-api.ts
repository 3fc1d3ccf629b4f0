import { monotonicMs } from '../../platform/clock.js'
import { pino } from 'pino'
import { apiConfig } from '../../api/api-config.js'
import type { ApiDeps } from '../../api/api.js'
import { RememberedTags } from '../../api/remembered-tags.js'
import { wireAccess } from '../../api/wire-access.js'
import { wireIdempotency } from '../../api/wire-idempotency.js'
import { wireReview } from '../../api/wire-review.js'
import { wireRules } from '../../api/wire-rules.js'
import type { Database } from '../../db/pool.js'
import { Registry } from '../../platform/metrics.js'
import { ADMIN_KEY } from './api-keys.js'
import { serveApi, type ServedApi } from './serve-api.js'

const NOBODY = '127.0.0.1:1'

/** The API in this process, with keys, log-ins and the audit log in a real database. */
export async function serveRealApi(
  db: Database,
  env: Record<string, string> = {},
  deps: Partial<ApiDeps> = {},
): Promise<ServedApi & { readonly metrics: Registry }> {
  const config = apiConfig({
    DATABASE_URL: 'postgres://not-used',
    KAFKA_BROKERS: NOBODY,
    SCHEMA_REGISTRY_URL: `http://${NOBODY}`,
    TEMPORAL_ADDRESS: NOBODY,
    GUARDIAN_ADMIN_KEY: ADMIN_KEY,
    ...env,
  })
  const metrics = new Registry()
  const access = wireAccess(config, { db, reads: db, registry: metrics, log: pino({ level: 'silent' }) })
  const api = await serveApi({
    ...access.value,
    idempotency: wireIdempotency(db, config),
    tags: new RememberedTags(monotonicMs, config.API_TAG_KEPT_MS, config.API_TAGS_KEPT_MAX),
    rules: wireRules(db),
    ...wireReview(config, db),
    ...deps,
  })
  const stop = async () => {
    await api.stop()
    await access.stop()
  }
  return { ...api, metrics, stop }
}
