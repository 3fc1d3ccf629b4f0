import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ManagedProcess, type ProcessSpec } from '../../../../deploy/local/managed-process.js'
import { startKeeper, type Keeper } from '../../../../deploy/local/start-keeper.js'
import { supervise } from '../../../../deploy/local/supervise.js'

const POLICY = { maxCrashes: 3, windowMs: 60_000, firstPauseMs: 1, longestPauseMs: 1 }

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

  it('under supervision is started again when it crashes, and let go when it is stopped', async () => {
    const process_ = run(LASTING)
    await process_.start()
    const said: string[] = []
    const supervision = supervise(process_, new AbortController().signal, (text) => said.push(text), POLICY)
    process_.kill('SIGKILL')
    while (!said.includes('it runs again')) await new Promise((resolve) => setTimeout(resolve, 10))
    await process_.stop()
    await supervision
    assert.match(said[0] ?? '', /^it ended \(killed by SIGKILL\): starting it again/)
  })

  it('that crashes again and again is given up, with the end of its log', async () => {
    const crashing = run("console.log('ready'); setTimeout(() => { console.log('the reason'); process.exit(1) }, 50)")
    await crashing.start()
    await assert.rejects(
      supervise(crashing, new AbortController().signal, () => undefined, POLICY),
      {
        name: 'LocalFault',
        message: /it ended 3 times within 60 s.*the reason/s,
      },
    )
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
