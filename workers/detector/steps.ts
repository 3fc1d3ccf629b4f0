/** What a partition is busy with: with its batches, and, on their own clock, with its checkpoints. */
export type StepOf = 'batch' | 'checkpoint'

interface Step {
  readonly what: string
  readonly atMs: number
}

/** The last step that is known of each partition, for whoever has to find out why it stands still. */
export class Steps {
  readonly #steps = new Map<string, Partial<Record<StepOf, Step>>>()

  /** @param partition as `topic/partition` */
  note(partition: string, of: StepOf, what: string): void {
    const steps = this.#steps.get(partition)
    const step = { what, atMs: performance.now() }
    if (steps) steps[of] = step
    else this.#steps.set(partition, { [of]: step })
  }

  /** For a person: both steps, and how long ago each began. */
  describe(partition: string): string {
    const { batch, checkpoint } = this.#steps.get(partition) ?? {}
    return `batch: ${text(batch)}; checkpoint: ${text(checkpoint)}`
  }
}

const text = (step: Step | undefined): string =>
  step ? `${step.what}, ${((performance.now() - step.atMs) / 1_000).toFixed(1)} s ago` : 'none yet'
