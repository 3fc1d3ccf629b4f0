import assert from 'node:assert/strict'
import { Lifecycle } from '../../../platform/lifecycle.js'

/** Parts that write down when they start and stop. */
function journal() {
  const lines: string[] = []
  const part =
    (name: string, stop: () => Promise<void> = () => Promise.resolve()) =>
    () => {
      lines.push(`start ${name}`)
      return Promise.resolve({
        value: name,
        stop: () => {
          lines.push(`stop ${name}`)
          return stop()
        },
      })
    }
  return { lines, part }
}

const fails = (message: string) => () => Promise.reject(new Error(message))
const hangs = () => new Promise<void>(() => undefined)

async function thrownBy(work: Promise<unknown>): Promise<Error> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof Error, 'it fails')
  return thrown
}

describe('Lifecycle', () => {
  it('starts in order, gives the values, and stops in reverse', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    assert.equal(await life.use('a', part('a')), 'a')
    await life.use('b', part('b'))
    await life.use('c', part('c'))
    await life.stop()
    assert.deepEqual(lines, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
  })

  it('stops each part once', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    await life.use('a', part('a'))
    await Promise.all([life.stop(), life.stop()])
    await life.stop()
    assert.deepEqual(lines, ['start a', 'stop a'])
  })

  it('undoes what was started when a start fails, and says which', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    await life.use('a', part('a'))
    await life.use('b', part('b'))
    const root = new Error('no port')
    const error = await thrownBy(life.use('c', () => Promise.reject(root)))
    assert.equal(error.message, 'c did not start: no port')
    assert.equal(error.cause, root)
    assert.deepEqual(lines, ['start a', 'start b', 'stop b', 'stop a'])
    await life.stop()
    assert.equal(lines.length, 4)
  })

  it('undoes what was started when a start throws at once', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    await life.use('a', part('a'))
    const error = await thrownBy(
      life.use('b', () => {
        throw new TypeError('bad setting')
      }),
    )
    assert.match(error.message, /b did not start: bad setting/)
    assert.deepEqual(lines, ['start a', 'stop a'])
  })

  it('keeps both causes when the undoing fails too', async () => {
    const life = new Lifecycle()
    const { part } = journal()
    await life.use('a', part('a', fails('a hangs on')))
    const { cause } = await thrownBy(life.use('b', fails('no port')))
    assert.ok(cause instanceof AggregateError)
    assert.deepEqual(
      cause.errors.map((error: Error) => error.message),
      ['no port', 'shutdown incomplete: a hangs on'],
    )
  })

  it('keeps stopping after a stop fails, and reports every failure', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    await life.use('a', part('a'))
    await life.use('b', part('b', fails('b broke')))
    await life.use('c', part('c'))
    await life.use('d', () =>
      Promise.resolve({
        value: 0,
        stop: () => {
          throw new Error('d broke at once')
        },
      }),
    )
    const error = await thrownBy(life.stop())
    assert.ok(error instanceof AggregateError)
    assert.equal(error.message, 'shutdown incomplete: d broke at once; b broke')
    assert.equal(error.errors.length, 2)
    assert.deepEqual(lines.slice(3), ['stop c', 'stop b', 'stop a'])
  })

  it('gives up a part at the deadline, names it, and still asks the others to stop', async () => {
    const life = new Lifecycle()
    const { lines, part } = journal()
    await life.use('a', part('a'))
    await life.use('b', part('b', hangs))
    await life.use('c', part('c'))
    const startedMs = performance.now()
    const error = await thrownBy(life.stop(50))
    assert.ok(performance.now() - startedMs < 2_000)
    assert.match(error.message, /b had not stopped at the deadline/)
    assert.deepEqual(lines.slice(3), ['stop c', 'stop b', 'stop a'])
  })
})
