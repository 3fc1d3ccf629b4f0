import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ManagedProcess, type ProcessSpec } from '../../../../deploy/local/managed-process.js'
import { startKeeper, type Keeper } from '../../../../deploy/local/start-keeper.js'
import { ProcessStates } from '../../../../deploy/local/process-states.js'
import { supervise, type SupervisionPolicy } from '../../../../deploy/local/supervise.js'
import { readProcessStates, type ProcessState } from '../../../../platform/process-states.js'

const POLICY = { firstPauseMs: 40, longestPauseMs: 100, calmMs: 60_000 }

describe('a process of the stack', function () {
  this.timeout(20_000)
  let dir = ''
  let keeper: Keeper
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'guardian-process-'))
    keeper = startKeeper(join(dir, 'children.json'))
  })
  afterEach(async () => {
    await keeper.close()
    rmSync(dir, { recursive: true })
  })

  const run = (script: string, more: Partial<ProcessSpec> = {}): ManagedProcess =>
    new ManagedProcess(
      {
        name: 'it',
        command: process.execPath,
        args: ['-e', script],
        env: { DIR: dir },
        logFile: join(dir, 'it.log'),
        stopSignal: 'SIGTERM',
        stopBoundMs: 5_000,
        readyBoundMs: 5_000,
        rank: 1,
        isReady: ({ log }) => log().includes('ready'),
        ...more,
      },
      keeper,
    )
  const LASTING = "console.log('ready'); setInterval(() => undefined, 1000)"

  it('is there once it is ready, and gone once it was stopped', async () => {
    const process_ = run(LASTING)
    await process_.start()
    const { pid } = process_
    assert.ok(pid !== undefined && process_.isRunning)
    assert.match(readFileSync(join(dir, 'children.json'), 'utf8'), new RegExp(`"pid":${pid},`))
    await process_.stop()
    assert.equal(process_.pid, undefined)
    assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' })
  })

  it('that ends while starting says so with the end of its log', async () => {
    const failing = run("console.error('no such luck'); process.exit(3)").start()
    await assert.rejects(failing, {
      name: 'LocalFault',
      message: /it ended while starting \(exit code 3\).*no such luck/s,
    })
  })

  it('that does not become ready is ended', async () => {
    const process_ = run('setInterval(() => undefined, 1000)', { readyBoundMs: 300 })
    await assert.rejects(process_.start(), /was not ready after 0.3 s/)
    assert.ok(!process_.isRunning)
  })

  it('that is not there says so', async () => {
    await assert.rejects(run('', { command: join(dir, 'nothing') }).start(), /ENOENT/)
  })

  it('that ignores the signal is killed after its bound', async () => {
    const process_ = run(`process.on('SIGTERM', () => undefined); ${LASTING}`, { stopBoundMs: 200 })
    await process_.start()
    await process_.stop()
    assert.ok(!process_.isRunning)
  })

  it('starts again with what it was after a kill', async () => {
    const process_ = run(LASTING)
    await process_.start()
    const first = process_.pid
    process_.kill('SIGKILL')
    assert.equal(await process_.exited, 'killed by SIGKILL')
    await process_.restart()
    assert.notEqual(process_.pid, first)
    await process_.stop()
  })

  /** Supervises a process, recording what is said and reported, until `until` holds. */
  const watch = async (
    process_: ManagedProcess,
    until: (said: string[]) => boolean,
    more: { policy?: SupervisionPolicy; random?: () => number } = {},
  ) => {
    const said: string[] = []
    const reported: (ProcessState | string)[] = []
    const states = { set: (one: ProcessState) => reported.push(one), clear: (name: string) => reported.push(name) }
    const controller = new AbortController()
    const supervision = supervise(process_, {
      ...{ signal: controller.signal, states, say: (text: string) => said.push(text), policy: POLICY, random: () => 0 },
      ...more,
    })
    for (const endsAt = Date.now() + 15_000; !until(said);) {
      assert.ok(Date.now() < endsAt, said.join('\n'))
      await sleep(5)
    }
    const end = async () => {
      controller.abort()
      await process_.stop()
      await supervision
    }
    return { said, reported, supervision, end }
  }
  const pausesOf = (said: readonly string[]) =>
    said.flatMap((line) => /restart in ([\d.]+) s/.exec(line)?.slice(1, 2).map(Number) ?? [])

  it('under supervision is started again when it crashes, and let go when it is stopped', async () => {
    const process_ = run(LASTING)
    await process_.start()
    process_.kill('SIGKILL')
    const { said, reported, supervision } = await watch(process_, (lines) => lines.includes('it runs again'))
    assert.match(said[0] ?? '', /^it ended \(killed by SIGKILL\), crash 1: restart in 0.0 s$/)
    assert.deepEqual(
      reported.map((one) => (typeof one === 'string' ? one : [one.status, one.crashes, one.cause])),
      [
        ['restarting', 1, 'killed by SIGKILL'],
        ['running', 1, 'killed by SIGKILL'],
      ],
    )
    await process_.stop()
    await supervision
  })

  it('that crashes again and again is restarted with increasing delays, up to the longest, and never given up', async () => {
    const crashing = run("console.log('ready'); setTimeout(() => process.exit(1), 30)")
    await crashing.start()
    const { said, end } = await watch(crashing, (lines) => pausesOf(lines).length >= 7)
    assert.deepEqual(pausesOf(said).slice(0, 5), [0.0, 0.1, 0.1, 0.1, 0.1])
    assert.match(said.find((line) => line.includes('crash 3')) ?? '', /its log is .*it\.log/)
    await end()
  })

  it('waits for a part of the delay that chance decides: processes that crash together do not restart together', async () => {
    const pauses: number[] = []
    for (const random of [0, 1]) {
      const process_ = run(LASTING)
      await process_.start()
      process_.kill('SIGKILL')
      const policy = { firstPauseMs: 400, longestPauseMs: 400, calmMs: 60_000 }
      const until = (lines: string[]) => lines.includes('it runs again')
      const { said, supervision } = await watch(process_, until, { policy, random: () => random })
      pauses.push(...pausesOf(said))
      await process_.stop()
      await supervision
    }
    assert.deepEqual(pauses, [0.4, 0.2])
  })

  it('that has been calm for long enough counts as well again, and begins at the first delay', async () => {
    const process_ = run(LASTING)
    await process_.start()
    process_.kill('SIGKILL')
    const policy = { ...POLICY, calmMs: 100 }
    const { said, reported, end } = await watch(process_, (lines) => lines.includes('it runs again'), {
      policy,
    })
    while (!reported.includes('it')) await sleep(5)
    process_.kill('SIGKILL')
    while (said.filter((line) => line.includes('crash 1:')).length < 2) await sleep(5)
    await end()
  })

  it('is in the file of states while it is not well, and the file is whole at any time', () => {
    const file = join(dir, 'process-states.json')
    const states = new ProcessStates(file)
    assert.deepEqual(readProcessStates(file), [])
    const at = new Date().toISOString()
    const state: ProcessState = {
      ...{ name: 'it', status: 'restarting', crashes: 4, cause: 'exit code 1' },
      ...{ since_ts: at, last_crash_ts: at },
    }
    states.set(state)
    assert.deepEqual(readProcessStates(file), [state])
    states.clear('it')
    assert.deepEqual(readProcessStates(file), [])
    states.close()
    assert.deepEqual([readProcessStates(file), readProcessStates(undefined)], [[], []])
    for (const bad of ['', '[]', '{"processes": 1}', '{"processes": [{"name": "it"}]}', 'x'.repeat(100_000)]) {
      writeFileSync(file, bad)
      assert.throws(() => readProcessStates(file), /process-states\.json is /)
    }
  })

  it('keeps the log of the run before', async () => {
    for (const word of ['first', 'second']) {
      const process_ = run(`console.log('${word}'); ${LASTING}`)
      await process_.start()
      await process_.stop()
    }
    assert.match(readFileSync(join(dir, 'it.log'), 'utf8'), /second/)
    assert.match(readFileSync(join(dir, 'it.log.1'), 'utf8'), /first/)
    assert.ok(!existsSync(join(dir, 'it.log.2')))
  })
})
