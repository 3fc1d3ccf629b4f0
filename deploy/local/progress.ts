import { Listr, PRESET_TIMER, type ListrTask } from 'listr2'

/** One line of the progress display. */
export interface Step {
  readonly title: string
  /** @returns what to add to the title when it is done */
  readonly run: (report: (text: string) => void) => Promise<string | undefined>
}

const QUIET_MS = { terminal: 100, file: 5_000 }

/**
 * Runs steps together, showing each one's state: a live list on a terminal, plain lines elsewhere. The first failure
 * calls `onFailure`, which is to make the others end soon.
 * @throws the first failure, after all steps have ended
 */
export async function runSteps(
  steps: readonly Step[],
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  const failures: unknown[] = []
  const tasks: ListrTask[] = steps.map(({ title, run }) => ({
    title,
    task: async (_, task) => {
      try {
        const more = await run(throttled((text) => (task.output = text)))
        if (more !== undefined) task.title = `${title}: ${more}`
      } catch (error) {
        if (signal.aborted) {
          task.skip(`${title}: stopped`)
          return
        }
        failures.push(error)
        onFailure(error)
        throw error
      }
    },
  }))
  await new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    fallbackRenderer: 'simple',
    rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false, collapseErrors: false },
    fallbackRendererOptions: { timer: PRESET_TIMER },
  }).run()
  if (failures.length > 0) throw failures[0]
  signal.throwIfAborted()
}

/** Reports at most so often as the display can use: a log file needs no line for every megabyte. */
function throttled(show: (text: string) => void): (text: string) => void {
  const quietMs = process.stdout.isTTY ? QUIET_MS.terminal : QUIET_MS.file
  let nextAt = 0
  let first = true
  return (text) => {
    const now = performance.now()
    if (now < nextAt && !first) return
    first = false
    nextAt = now + quietMs
    show(text)
  }
}
