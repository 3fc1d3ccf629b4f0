// The entry of npm start, npm run reset and npm test: makes sure of Node, packages and compiled code, then goes on in
// TypeScript. Plain JavaScript without dependencies: on a fresh clone there is nothing else yet.
import { build, buildLauncher, checkNode, ensureInstalled, isBuilt } from './build.mjs'
import { runTests } from './run-tests.mjs'

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
  process.exitCode = await runTests(args)
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
