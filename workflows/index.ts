export { backfillKpi, progressQuery } from './backfill-kpi.js'
export { dailyKpi } from './daily-kpi.js'
export { reconcile } from './reconcile.js'
export { partitionMaintenance } from './partition-maintenance.js'
