/*
 * What checkpoints cost: one detector drains the same topic with checkpoints as they are by default, and with none until
 * the end, in turn. `npm run bench -- checkpoints [events] [rounds]`
 */
import { detector } from './drain.js'
import { FIGURES_HEAD, figuresLine, medianFigures, type Figures } from './figures.js'
import { fillTopic } from './fill-topic.js'
import { openStage } from './stage.js'

/** Longer than any drain takes, and with room for all that is not behind a checkpoint. */
const NONE = { CHECKPOINT_INTERVAL_MS: '600000', MAX_UNCOMMITTED_RECORDS: '100000000' }

/** Prints medians, and the share of the CPU that checkpoints take. */
export async function checkpoints(events: number, rounds: number): Promise<void> {
  const stage = await openStage()
  try {
    await fillTopic({ brokers: [stage.brokers], schemaRegistryUrl: stage.schemaRegistryUrl }, events, 7)
    console.log(FIGURES_HEAD)
    const [having, lacking]: [Figures[], Figures[]] = [[], []]
    for (let round = 1; round <= rounds; round++) {
      having.push(await detector(stage, events))
      lacking.push(await detector({ ...stage, env: { ...stage.env, ...NONE } }, events))
      console.log(figuresLine(`round ${round}: with checkpoints`, having.at(-1) ?? medianFigures(having)))
      console.log(figuresLine(`round ${round}: without`, lacking.at(-1) ?? medianFigures(lacking)))
    }
    const [cost, rest] = [having, lacking].map((all) => medianFigures(all).cpuMicrosecondsPerEvent)
    console.log(
      `\nof the CPU, checkpoints take ${(100 * (1 - (rest ?? 0) / (cost ?? 1))).toFixed(1)} % (medians of ${rounds})`,
    )
  } finally {
    await stage.stop()
  }
}
