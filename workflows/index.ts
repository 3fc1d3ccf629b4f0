export { partitionMaintenance } from './partition-maintenance.js'
