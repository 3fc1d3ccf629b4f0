// What has to be there before any of our TypeScript can run: packages and compiled code. Plain JavaScript that needs
// nothing but Node, so that it runs on a fresh clone.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const dist = join(root, 'dist')
const stampFile = join(dist, '.built')
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
const bundler = join(dist, 'workers', 'orchestrator', 'build-bundle.js')

const SOURCE_FOLDERS = 'domain schemas platform db activities workflows workers api cli deploy bench test'.split(' ')
/** What `npm start` is made of: it is compiled first, so that servers are fetched and started while tsc still runs. */
const LAUNCHER_FOLDERS = ['deploy', 'platform']
const SOURCE_MAP = /\/\/# sourceMappingURL=.*\n?$/

/** Ends the process on a Node that is too old, before anything fails in a way that does not say so. */
export function checkNode() {
  const { engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const wanted = /\d+\.\d+/.exec(engines.node)[0].split('.').map(Number)
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > wanted[0] || (major === wanted[0] && minor >= wanted[1])) return
  process.stderr.write(`Node ${process.versions.node} is too old\n  → install Node ${wanted.join('.')} or later\n`)
  process.exit(1)
}

/** Installs the packages that package-lock.json names, unless they are there. */
export async function ensureInstalled(say) {
  if (isInstalled()) return
  await underLock('install', say, async () => {
    if (isInstalled()) return
    const since = performance.now()
    say('installing packages (npm ci)')
    const npm = process.env.npm_execpath
    const command = npm?.endsWith('.js') ? [process.execPath, npm] : ['npm']
    await run([...command, 'ci', '--no-audit', '--no-fund', '--loglevel=error'])
    say(`installed packages in ${seconds(since)} s`)
  })
}

/** Whether every package of the lock file is there in its version; npm writes its own list last. */
function isInstalled() {
  const list = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(list)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const found = JSON.parse(readFileSync(list, 'utf8')).packages
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || found[path]?.version === version || (optional === true && found[path] === undefined),
  )
}

/** Whether what is compiled is what the sources say. */
export const isBuilt = () => existsSync(stampFile) && readFileSync(stampFile, 'utf8') === sourceStamp()

/**
 * Compiles everything that is out of date, and bundles the workflows.
 * @param execute runs a command to its end: `(command: string[]) => Promise<unknown>`
 */
export async function build(say, execute = run) {
  if (isBuilt()) return
  await underLock('build', say, async () => {
    if (isBuilt()) return
    const stamp = sourceStamp()
    rmSync(stampFile, { force: true })
    say('compiling TypeScript')
    await execute([process.execPath, tsc, '-p', join(root, 'tsconfig.json')])
    removeOrphanedTests()
    if (existsSync(bundler)) {
      say('bundling the workflows')
      await execute([process.execPath, bundler])
    }
    writeFileSync(stampFile, stamp)
  })
}

/** Compiles what `npm start` itself is made of, without checking types: a second instead of many. */
export async function buildLauncher(say) {
  if (isBuilt()) return
  await underLock('build', say, async () => {
    const { default: ts } = await import(join(root, 'node_modules', 'typescript', 'lib', 'typescript.js'))
    const compilerOptions = {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
      isolatedModules: true,
    }
    for (const source of LAUNCHER_FOLDERS.flatMap(sourcesIn)) {
      const target = join(dist, relative(root, source).replace(/\.ts$/, '.js'))
      const { outputText } = ts.transpileModule(readFileSync(source, 'utf8'), { compilerOptions, fileName: source })
      if (existsSync(target) && readFileSync(target, 'utf8').replace(SOURCE_MAP, '') === outputText) continue
      mkdirSync(dirname(target), { recursive: true })
      writeFileSync(target, outputText)
    }
  })
}

/** Names the state of all sources: where each is, how long, and when it was written. */
function sourceStamp() {
  const hash = createHash('sha256').update(process.versions.node.split('.')[0])
  const others = ['tsconfig.json', 'package-lock.json'].map((name) => join(root, name))
  for (const path of [...SOURCE_FOLDERS.flatMap(sourcesIn), ...others].sort()) {
    const { mtimeMs, size } = statSync(path)
    hash.update(`${relative(root, path)} ${mtimeMs} ${size}\n`)
  }
  return hash.digest('hex')
}

function sourcesIn(folder) {
  const path = join(root, folder)
  if (!existsSync(path)) return []
  return readdirSync(path, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(path, name))
}

/** A test whose source is gone would otherwise still run. */
function removeOrphanedTests() {
  const tests = join(dist, 'test')
  if (!existsSync(tests)) return
  for (const name of readdirSync(tests, { recursive: true }).filter((path) => path.endsWith('.js'))) {
    if (existsSync(join(root, 'test', name.replace(/\.js$/, '.ts')))) continue
    rmSync(join(tests, name))
    rmSync(join(tests, `${name}.map`), { force: true })
  }
}

const TETHER = `process.stdin.on('end', () => { try { process.kill(process.argv[1], 'SIGKILL') } catch { } }).resume()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined)`

/**
 * Has a child killed when this process ends, even with kill -9.
 * @param target the child's number, or minus that for its whole group
 * @returns lets the child go
 */
export function tether(target) {
  const watcher = spawn(process.execPath, ['-e', TETHER, '--', String(target)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  return () => watcher.kill('SIGKILL')
}

/** Runs a command to its end, showing what it says only when it fails. */
export async function run([command, ...args]) {
  const child = spawn(command, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const release = tether(-child.pid)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  try {
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (exit, signal) => resolve(signal ?? exit))
    })
    if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${said.trimEnd()}`)
  } finally {
    release()
  }
}

/** Runs work while no other start, test or command does the same in this clone; a dead holder's lock is taken over. */
async function underLock(name, say, work) {
  mkdirSync(dist, { recursive: true })
  const lock = join(dist, `.${name}.lock`)
  const draft = `${lock}.${process.pid}`
  writeFileSync(draft, String(process.pid))
  try {
    for (let waits = 0; !takeLock(draft, lock); waits++) {
      if (waits === 0) say(`waiting for another process that does the same (${name})`)
      await sleep(200)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  try {
    return await work()
  } finally {
    rmSync(lock, { force: true })
  }
}

const LONGEST_HOLD_MS = 900_000

/** A lock appears with its holder's number in it, at once. */
function takeLock(draft, lock) {
  try {
    linkSync(draft, lock)
    return true
  } catch (error) {
    if (error.code !== 'EEXIST') throw error
  }
  const since = statSync(lock, { throwIfNoEntry: false })?.mtimeMs
  if (since === undefined) return false
  if (Date.now() - since > LONGEST_HOLD_MS || !isAlive(Number(readFileSync(lock, 'utf8'))))
    rmSync(lock, { force: true })
  return false
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

const seconds = (since) => ((performance.now() - since) / 1_000).toFixed(1)
