import { renameSync, rmSync, writeFileSync } from 'node:fs'
import type { ProcessState } from '../../platform/process-states.js'
import { isFault } from './local-fault.js'

/** Which processes have crashed lately, for the API and the orchestrator to read (`SUPERVISOR_STATE_FILE`). */
export class ProcessStates {
  readonly #states = new Map<string, ProcessState>()

  constructor(readonly file: string) {
    this.#write()
  }

  set(state: ProcessState): void {
    this.#states.set(state.name, state)
    this.#write()
  }

  clear(name: string): void {
    if (this.#states.delete(name)) this.#write()
  }

  /** Removes the file: nothing is supervised any more. */
  close(): void {
    rmSync(this.file, { force: true })
  }

  /** A full disk, on which it cannot be written, is no reason to stop the stack. */
  #write(): void {
    try {
      writeFileSync(`${this.file}.new`, JSON.stringify({ processes: [...this.#states.values()] }), { mode: 0o600 })
      renameSync(`${this.file}.new`, this.file)
    } catch (error) {
      if (!isFault(error, 'ENOSPC') && !isFault(error, 'EDQUOT')) throw error
    }
  }
}
