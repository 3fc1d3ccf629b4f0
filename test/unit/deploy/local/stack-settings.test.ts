import assert from 'node:assert/strict'
import { missingServers, parseStackOptions, planPorts } from '../../../../deploy/local/stack-settings.js'

const ALL = ['postgres', 'kafka', 'registry', 'temporal'] as const

describe('the options of npm start', () => {
  it('run the demo with as many brokers as the data has, unless told otherwise', () => {
    assert.deepEqual(parseStackOptions([]), {
      brokers: undefined,
      isDemo: true,
      demoLog: undefined,
      rate: 200,
      isHelp: false,
    })
    assert.deepEqual(parseStackOptions(['--brokers', '3', '--no-demo', '--rate=50']), {
      brokers: 3,
      isDemo: false,
      demoLog: undefined,
      rate: 50,
      isHelp: false,
    })
    const { isDemo, demoLog } = parseStackOptions(['--demo-log', 'access.log'])
    assert.deepEqual([isDemo, demoLog], [false, 'access.log'])
  })

  it('refuse what they do not understand, saying what they know', () => {
    for (const args of [
      ['--brokers', '2'],
      ['--brokers', 'x'],
      ['--rate', '0'],
      ['--rate', '1.5'],
      ['--fast'],
      ['now'],
    ]) {
      assert.throws(() => parseStackOptions(args), { name: 'LocalFault', remedy: /--help/ }, args.join(' '))
    }
  })
})

describe('the servers of a stack', () => {
  it('are those that the environment does not name; an empty name is none', () => {
    assert.deepEqual(missingServers({}), [...ALL])
    assert.deepEqual(missingServers({ KAFKA_BROKERS: 'k:9092', DATABASE_URL: '' }), [
      'postgres',
      'registry',
      'temporal',
    ])
  })
})

describe('the ports of a stack', () => {
  it('follow their variables', () => {
    const { servers, api } = planPorts({ GUARDIAN_PG_PORT: '5500', PORT: '9000' }, 1, ALL)
    assert.equal(servers.postgres, 5_500)
    assert.deepEqual([servers.brokers, servers.controllers], [[9_092], [9_093]])
    assert.equal(api, 9_000)
  })

  it('are consecutive for brokers, then for controllers', () => {
    const { servers } = planPorts({ GUARDIAN_KAFKA_PORT: '19092' }, 3, ALL)
    assert.deepEqual(servers.brokers, [19_092, 19_093, 19_094])
    assert.deepEqual(servers.controllers, [19_095, 19_096, 19_097])
  })

  it('of servers that are given are not needed', () => {
    const { list } = planPorts({}, 1, ['temporal'])
    assert.deepEqual(
      list.map(({ variable }) => variable),
      [
        'GUARDIAN_TEMPORAL_PORT',
        'GUARDIAN_TEMPORAL_UI_PORT',
        'PORT',
        'DETECTOR_METRICS_PORT',
        'ORCHESTRATOR_METRICS_PORT',
        'API_METRICS_PORT',
        'ARCHIVER_METRICS_PORT',
      ],
    )
  })

  it('are refused when they are none, or used twice', () => {
    for (const port of ['0', '65536', 'x', '80 80']) {
      assert.throws(() => planPorts({ PORT: port }, 1, ALL), { message: 'PORT is not a port' }, port)
    }
    assert.throws(() => planPorts({ PORT: '8081' }, 1, ALL), { remedy: 'change PORT and GUARDIAN_REGISTRY_PORT' })
    assert.throws(() => planPorts({ GUARDIAN_KAFKA_PORT: '65535' }, 1, ALL), {
      message: 'GUARDIAN_KAFKA_PORT is not a port',
    })
  })
})
