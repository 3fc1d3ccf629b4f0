// One row per folder: what it may import besides itself. Everything else is an error.
const allow = {
  domain: [],
  schemas: ['domain'],
  platform: [],
  db: ['domain', 'platform'],
  activities: ['domain', 'schemas', 'platform'],
  workflows: ['domain', 'activities'], // activities as types only, see below
  workers: ['domain', 'schemas', 'platform', 'db', 'activities', 'workflows'],
  api: ['domain', 'schemas', 'platform', 'db', 'workflows'], // db and workflows in main.ts and wire-*.ts only, see below
  cli: ['domain', 'schemas', 'platform', 'db', 'workflows', 'workers', 'deploy'], // decoder, and deploy for doctor, see below
  deploy: ['platform'],
  bench: ['domain', 'schemas', 'platform', 'db', 'activities', 'workflows', 'workers', 'api', 'cli', 'deploy'],
}
const folders = [...Object.keys(allow), 'test']

// Each vendor library is known to one place, so that it can be replaced in one place.
const vendorHome = {
  kafkajs: '^platform/kafka/',
  avsc: '^platform/avro/',
  '@duckdb': '^platform/duckdb/',
  '@aws-sdk': '^platform/object-storage/',
  pino: '^platform/logger\\.ts$',
  'prom-client': '^platform/metrics\\.ts$',
  '(pg|drizzle-orm)': '^db/',
  express: '^api/',
  '@temporalio/workflow': '^workflows/',
  '@opentelemetry': '^platform/tracing\\.ts$',
  '@temporalio/interceptors-opentelemetry': '^(workers/orchestrator/|(api/wire|cli/with)-[a-z-]+\\.ts$)',
  '@temporalio/worker': '^workers/orchestrator/',
  '@temporalio/client': '^(workers/orchestrator/|api/(main|wire-[a-z-]+)\\.ts$|cli/)',
  commander: '^cli/',
  listr2: '^deploy/',
  zod: '^(schemas/|platform/(config|config-values|connection-variables)\\.ts$)',
  undici: '^platform/',
  nodemailer: '^activities/notify/',
}

const error = (name, from, to) => ({ name, severity: 'error', from, to })
const ours = `^(${Object.keys(allow).join('|')})/`

module.exports = {
  forbidden: [
    ...Object.entries(allow).map(([from, to]) =>
      error(
        `${from}-imports`,
        { path: `^${from}/` },
        { path: `^(${folders.join('|')})/`, pathNot: `^(${[from, ...to].join('|')})/` },
      ),
    ),
    ...Object.entries(vendorHome).map(([lib, home]) =>
      error(
        `only-home-of-${lib}`,
        { path: ours, pathNot: `(${home}|^bench/)` },
        { path: `(^|node_modules/)${lib}(/|$)` },
      ),
    ),
    error(
      'domain-is-pure',
      { path: '^domain/' },
      { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] },
    ),
    error(
      'workflows-see-activities-as-types',
      { path: '^workflows/' },
      { path: '^activities/', dependencyTypesNot: ['type-only'] },
    ),
    error(
      'detector-does-not-know-temporal',
      { path: '^workers/(detector|archiver)/' },
      { path: '^(activities|workflows)/' },
    ),
    error(
      'api-wires-in-main-only',
      { path: '^api/', pathNot: '^api/(main|wire-[a-z-]+)\\.ts$' },
      { path: '^(db|workflows)/', dependencyTypesNot: ['type-only'] },
    ),
    error(
      'cli-decodes-as-the-detector-does',
      { path: '^cli/' },
      { path: '^workers/', pathNot: '^workers/detector/event-decoder\\.ts$' },
    ),
    error('only-doctor-sees-deploy', { path: '^cli/', pathNot: '^cli/doctor/' }, { path: '^deploy/' }),
    error('no-circular', {}, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
  },
}
