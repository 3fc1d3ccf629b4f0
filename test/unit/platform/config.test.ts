import assert from 'node:assert/strict'
import { ConfigError, loadConfig, VARIABLES, type VariableName } from '../../../platform/config.js'

const NAMES = Object.keys(VARIABLES) as VariableName[]
const LOGIN_PASSWORDS = [
  'POSTGRES_DETECTOR_PASSWORD',
  'POSTGRES_ARCHIVER_PASSWORD',
  'POSTGRES_ORCHESTRATOR_PASSWORD',
  'POSTGRES_API_PASSWORD',
] as const
const REQUIRED: readonly VariableName[] = [
  'DATABASE_URL',
  'KAFKA_BROKERS',
  'SCHEMA_REGISTRY_URL',
  'TEMPORAL_ADDRESS',
  'GUARDIAN_ADMIN_KEY',
  ...LOGIN_PASSWORDS,
]
const SECRET = 'abcdefghijklmnopqrstuvwxyz-0123456789'
const GOOD = {
  DATABASE_URL: 'postgres://u:p@h:5432/d',
  KAFKA_BROKERS: 'a:9092, b:9093',
  SCHEMA_REGISTRY_URL: 'http://h:8080/apis',
  TEMPORAL_ADDRESS: 'h:7233',
  GUARDIAN_ADMIN_KEY: SECRET,
  ...Object.fromEntries(LOGIN_PASSWORDS.map((name) => [name, SECRET])),
}
const CANARY = 'canary-7f3a'

/** The faults that a configuration is refused for. */
function faultsOf(names: readonly VariableName[], env: Record<string, string | undefined>): readonly string[] {
  try {
    loadConfig(names, env)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    for (const fault of error.faults) assert.ok(error.message.includes(fault))
    return error.faults
  }
  assert.fail('was taken')
}

describe('loadConfig', () => {
  it('reads every variable, with its default where it has one', () => {
    const config = loadConfig(NAMES, GOOD)
    assert.deepEqual(Object.keys(config).sort(), [...NAMES].sort())
    assert.deepEqual(config.KAFKA_BROKERS, ['a:9092', 'b:9093'])
    assert.deepEqual([config.LOG_LEVEL, config.PORT, config.ALLOWED_LATENESS_MS], ['info', 8_000, 30_000])
    assert.ok(Object.isFrozen(config))
  })

  it('reads only what it is asked for', () => {
    assert.deepEqual(loadConfig(['PORT'], { PORT: '81', DATABASE_URL: 'bad' }), { PORT: 81 })
  })

  it('names every missing variable at once', () => {
    assert.deepEqual(
      faultsOf(NAMES, {}).filter((fault) => REQUIRED.some((name) => fault === `${name}: missing`)).length,
      REQUIRED.length,
    )
  })

  it('names missing and bad ones together', () => {
    assert.deepEqual(
      faultsOf(['PORT', 'DATABASE_URL', 'LOG_LEVEL', 'PG_POOL_MAX'], { PORT: '8k', LOG_LEVEL: 'loud' }),
      [
        'PORT: not a whole number',
        'DATABASE_URL: missing',
        'LOG_LEVEL: not one of trace, debug, info, warn, error, fatal',
      ],
    )
  })

  it('never prints a value', () => {
    const env = Object.fromEntries(NAMES.map((name) => [name, `${CANARY} \n`]))
    const faults = faultsOf(NAMES, env)
    assert.ok(faults.length >= NAMES.length - 4, 'nearly every variable refuses it')
    assert.ok(!faults.join().includes(CANARY))
    for (const name of NAMES)
      try {
        loadConfig([name], { [name]: `${CANARY} \n` })
      } catch (error) {
        assert.ok(error instanceof Error && !`${error.message}${error.stack ?? ''}`.includes(CANARY), name)
      }
  })

  it('refuses an empty text for every variable: it is not the default', () => {
    for (const name of NAMES) assert.equal(faultsOf([name], { [name]: '' }).length, 1, name)
  })

  const numbers = NAMES.filter((name) => typeof VARIABLES[name].safeParse(undefined).data === 'number')

  it('refuses what is no whole number', () => {
    assert.ok(numbers.length > 20)
    for (const name of numbers)
      for (const value of ['10abc', ' 10', '1e3', '-1', '+1', '1.5', '0x10', 'NaN', 'Infinity', '١٠', '9'.repeat(16)])
        assert.deepEqual(faultsOf([name], { [name]: value }), [`${name}: not a whole number`], value)
  })

  it('refuses numbers out of bounds, and says the bounds', () => {
    for (const name of numbers)
      assert.match(faultsOf([name], { [name]: '999999999999999' }).join(), /not in \d+\.\.\d+/, name)
    assert.deepEqual(faultsOf(['PG_POOL_MAX'], { PG_POOL_MAX: '0' }), ['PG_POOL_MAX: not in 1..200'])
    assert.deepEqual(loadConfig(['PG_POOL_MAX'], { PG_POOL_MAX: '200' }), { PG_POOL_MAX: 200 })
  })

  it('refuses unknown levels and malformed addresses', () => {
    const refused: readonly [VariableName, string][] = [
      ['LOG_LEVEL', 'INFO'],
      ['DATABASE_URL', 'mysql://h/d'],
      ['DATABASE_URL', 'postgres://'],
      ['KAFKA_BROKERS', 'h'],
      ['KAFKA_BROKERS', 'h:1,'],
      ['KAFKA_BROKERS', 'h:port'],
      ['SCHEMA_REGISTRY_URL', 'ftp://h'],
      ['SCHEMA_REGISTRY_URL', 'http://h /x'],
      ['TEMPORAL_ADDRESS', 'http://h:7233'],
    ]
    for (const [name, value] of refused) assert.equal(faultsOf([name], { [name]: value }).length, 1, `${name} ${value}`)
  })
})
