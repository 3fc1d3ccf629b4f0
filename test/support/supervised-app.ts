import { readFileSync } from 'node:fs'
import { APP_PROCESSES, processSpec } from '../../deploy/local/app-processes.js'
import { ManagedProcess } from '../../deploy/local/managed-process.js'
import { findFreePorts } from '../../deploy/local/ports.js'
import { startKeeper, type Keeper } from '../../deploy/local/start-keeper.js'
import { supervise } from '../../deploy/local/supervise.js'
import { withOwnLogin } from './process-logins.js'

/** A process of the product under the supervision that `npm start` gives it: the same command, keeper and policy. */
export class SupervisedApp {
  /** What the supervisor tells people. */
  readonly said: readonly string[]
  readonly #process: ManagedProcess
  readonly #keeper: Keeper
  readonly #end = new AbortController()
  readonly #supervision: Promise<void>

  private constructor(process_: ManagedProcess, keeper: Keeper) {
    const said: string[] = []
    this.said = said
    this.#process = process_
    this.#keeper = keeper
    this.#supervision = supervise(process_, {
      signal: this.#end.signal,
      say: (text) => said.push(text),
      states: { set: () => undefined, clear: () => undefined },
    })
    this.#supervision.catch((error: unknown) => said.push(String(error)))
  }

  /** Starts it and waits until it is ready. @param folder gets its log, of all its starts */
  static async start(name: string, env: Readonly<Record<string, string>>, folder: string): Promise<SupervisedApp> {
    const app = APP_PROCESSES.find((one) => one.name === name)
    if (!app) throw new Error(`${name} is no process of the product`)
    const [port] = await findFreePorts(1)
    const { PATH = '', HOME = '' } = process.env
    const own = withOwnLogin(app.script.replace('dist/', ''), { ...env, [app.readyPort[0]]: String(port) })
    const keeper = startKeeper()
    const process_ = new ManagedProcess(processSpec(app, { PATH, HOME, ...own }, folder), keeper)
    try {
      await process_.start()
    } catch (error) {
      await keeper.close()
      throw error
    }
    return new SupervisedApp(process_, keeper)
  }

  /** What it has logged since its first start, and what its supervisor has said. */
  get output(): string {
    return `${readFileSync(this.#process.spec.logFile, 'utf8')}\n${this.said.join('\n')}`
  }

  freeze(): void {
    this.#process.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process.kill('SIGCONT')
  }

  /** Ends it in good order. */
  async stop(): Promise<void> {
    await this.#process.stop()
    await this.#supervision
  }

  /** Ends it at once, whatever state it is in, and its supervision. */
  async kill(): Promise<void> {
    this.#end.abort()
    this.#process.kill('SIGKILL')
    await this.#process.stop()
    await this.#keeper.close()
  }
}
