// Runs mocha for npm test. Plain JavaScript without dependencies, as bootstrap.mjs, which calls it.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root, tether } from './build.mjs'

/** The tests of the first lane. Those of the second are all others, so that no file can be left out. */
const FIRST_LANE = /^integration\/[^/]+$/
/** Of a test that sets none itself: mocha's 2 s are short where two lanes share two cores. */
const TIMEOUT_MS = 10_000
/** A test never uses the servers of a running stack, nor those that the shell or .env names. */
const HIDDEN = ['DATABASE_URL', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'TEMPORAL_ADDRESS']

/**
 * Runs all tests, or those that are named, by their .ts or .js file.
 * @param args files, and options of mocha
 * @returns the exit code: 0 when every test passed
 */
export async function runTests(args) {
  const named = args.filter((arg) => /^(\.\/)?(dist\/)?test\//.test(arg))
  const options = args.filter((arg) => !named.includes(arg))
  const files = named.map((path) => path.replace(/^(\.\/)?(dist\/)?/, 'dist/').replace(/\.ts$/, '.js'))
  if (files.length > 0) return mocha([...options, ...files]).ended
  const [first, second] = lanes().map((specs, lane) => mocha([...options, ...specs], lane))
  const code = await first.ended
  second.show() // whole reports, one after the other
  return Math.max(code, await second.ended)
}

/**
 * Run side by side, each with servers of its own: most of the time an integration test waits for a server to be killed,
 * to start or to time out. Every test file of the source tree is in exactly one lane.
 */
export function lanes() {
  const files = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
  const compiled = (some) => some.map((path) => `dist/test/${path.replace(/ts$/, 'js')}`)
  return [
    compiled(files.filter((path) => FIRST_LANE.test(path))),
    compiled(files.filter((path) => !FIRST_LANE.test(path))),
  ]
}

/** Starts one mocha. The output of every lane but the first is held back until `show` is called. */
function mocha(args, lane = 0) {
  const env = { ...process.env, GUARDIAN_DATA_DIR: join(tmpdir(), `guardian-no-stack-${process.pid}-${lane}`) }
  for (const name of HIDDEN) env[name] = ''
  const color = lane > 0 && process.stdout.isTTY ? ['--color'] : []
  const reporter = join(root, 'deploy/local/failed-files-reporter.cjs')
  const options = ['--timeout', String(TIMEOUT_MS), '--reporter', reporter, ...color]
  const child = spawn(process.execPath, [join(root, 'node_modules/mocha/bin/mocha.js'), ...options, ...args], {
    cwd: root,
    stdio: lane === 0 ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    env,
  })
  const release = tether(child.pid)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const held = lane === 0 ? undefined : holdBack(child)
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      release()
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
  return { ended, show: () => held?.() }
}

/** Keeps what a child says; the function that it returns prints that, and from then on what comes. */
function holdBack(child) {
  let said = []
  const write = ([stream, text]) => stream.write(text)
  for (const [from, to] of [
    [child.stdout, process.stdout],
    [child.stderr, process.stderr],
  ])
    from.on('data', (text) => (said === undefined ? write([to, text]) : said.push([to, text])))
  return () => {
    said?.forEach(write)
    said = undefined
  }
}
