import { spawn } from 'node:child_process'
import type { Env } from '../../platform/env.js'
import { identifyProcess } from './process-identity.js'
import type { Keeper } from './start-keeper.js'
import { killGroup } from './stop-processes.js'
import type { SystemUser } from './system-user.js'

/** A command that runs to its end. */
export interface CommandRequest {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Env
  readonly cwd?: string
  readonly user?: SystemUser | undefined
  readonly input?: string
  readonly signal?: AbortSignal | undefined
  /** Ends the command when this process dies. */
  readonly keeper?: Keeper | undefined
  /** @default 120_000 */
  readonly boundMs?: number
}

export interface CommandOutput {
  readonly stdout: string
  readonly stderr: string
}

const TAIL_CHARS = 2_000

/** Runs a command to its end. @throws Error with the end of what it said, when it fails, dawdles or is not there */
export async function runCommand(request: CommandRequest): Promise<CommandOutput> {
  const { command, args, keeper } = request
  request.signal?.throwIfAborted()
  const child = spawn(command, args, {
    cwd: request.cwd ?? '/',
    env: { ...request.env, ...keeper?.mark },
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(request.user === undefined ? {} : { uid: request.user.uid, gid: request.user.gid }),
  })
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid)
  if (identity !== undefined) keeper?.watch({ ...identity, name: command, signal: 'SIGKILL', boundMs: 0, rank: 100 })
  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid)
  }
  const timer = setTimeout(kill, request.boundMs ?? 120_000)
  request.signal?.addEventListener('abort', kill)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  child.stdin.on('error', (error) => (stderr += error.message))
  child.stdin.end(request.input)
  try {
    const end = await new Promise<string>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, killedBy) => resolve(killedBy ?? String(code)))
    })
    request.signal?.throwIfAborted()
    if (end !== '0')
      throw new Error(`${command} ${args[0] ?? ''} ended with ${end}: ${(stderr + stdout).slice(-TAIL_CHARS).trim()}`)
    return { stdout, stderr }
  } finally {
    clearTimeout(timer)
    request.signal?.removeEventListener('abort', kill)
    if (child.pid !== undefined) keeper?.forget(child.pid)
  }
}
