// The entry of npm start, npm run reset and npm test: makes sure of Node, packages and compiled code, then goes on in
// TypeScript. Plain JavaScript without dependencies: on a fresh clone there is nothing else yet.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, buildLauncher, checkNode, ensureInstalled, isBuilt, root, tether } from './build.mjs'

const [command, ...args] = process.argv.slice(2)
const say = (text) => process.stderr.write(`${text}\n`)

/** Starts or resets the local stack in this process. The rest is compiled while servers are fetched and started. */
async function launch() {
  await ensureInstalled(say)
  await buildLauncher(say)
  const { main } = await import('../../dist/deploy/local/main.js')
  const compile = isBuilt() ? undefined : (report, execute) => build(report, execute)
  process.exit(await main(command, args, compile)) // nothing of it is left to wait for
}

async function test() {
  await ensureInstalled(say)
  await build(say)
  process.exitCode = await mocha(args)
}

const TEST_FOLDERS = ['unit', 'replay', 'integration']
/** A test never uses the servers of a running stack, nor those that the shell or .env names. */
const HIDDEN = ['DATABASE_URL', 'KAFKA_BROKERS', 'SCHEMA_REGISTRY_URL', 'TEMPORAL_ADDRESS']

/** Runs mocha on all tests, or on those that are named, by their .ts or .js file. */
function mocha(extra) {
  const named = extra.filter((arg) => /^(\.\/)?(dist\/)?test\//.test(arg))
  const specs =
    named.length > 0
      ? named.map((path) => path.replace(/^(\.\/)?(dist\/)?/, 'dist/').replace(/\.ts$/, '.js'))
      : TEST_FOLDERS.filter((folder) => existsSync(join(root, 'dist/test', folder))).map(
          (folder) => `dist/test/${folder}/**/*.test.js`,
        )
  const options = extra.filter((arg) => !named.includes(arg))
  const env = { ...process.env, GUARDIAN_DATA_DIR: join(tmpdir(), `guardian-no-stack-${process.pid}`) }
  for (const name of HIDDEN) env[name] = ''
  const child = spawn(process.execPath, [join(root, 'node_modules/mocha/bin/mocha.js'), ...options, ...specs], {
    cwd: root,
    stdio: 'inherit',
    env,
  })
  const release = tether(child.pid)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      release()
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1))
    })
  })
}

async function buildOnly() {
  await ensureInstalled(say)
  await build(say)
}

const COMMANDS = { start: launch, reset: launch, test, build: buildOnly }

checkNode()
if (!Object.hasOwn(COMMANDS, command ?? '')) {
  say(`use: node deploy/local/bootstrap.mjs ${Object.keys(COMMANDS).join('|')} [options]`)
  process.exit(2)
}
try {
  await COMMANDS[command]()
} catch (error) {
  say(error.message)
  process.exitCode = 1
}
