import type { Fate } from '../../domain/detection/fate.js'
import type { SessionStep } from '../../domain/detection/log-replay.js'

/** One event of a session, for a person: what became of it, and what the window had after it. */
export interface DescribedStep {
  readonly offset: number
  /** null when the record could not be decoded. */
  readonly event_id: string | null
  readonly event_ts: string | null
  readonly item_id: string | null
  readonly fate: Fate
  readonly events: number
  readonly distinct_items: number
  /** The event at which the rule's condition first held. */
  readonly crossed: boolean
  readonly why: string
}

/** @param steps the session's records in one window, in offset order @param crossedAt offset of the event that raised */
export function describeSteps(steps: readonly SessionStep[], crossedAt: number | undefined): DescribedStep[] {
  const items = new Set<string>()
  let events = 0
  return steps.map((step) => {
    const { event, fate, offset } = step
    if (fate === 'accepted') {
      events++
      if (event && event.item_id !== null) items.add(event.item_id)
    }
    const crossed = offset === crossedAt
    return {
      offset,
      event_id: event?.event_id ?? null,
      event_ts: instant(event?.event_ts),
      item_id: event?.item_id ?? null,
      fate,
      events,
      distinct_items: items.size,
      crossed,
      why: crossed ? 'the rule holds from here on' : whyNotCounted(step),
    }
  })
}

function whyNotCounted({ event, fate, fault, watermarkMs }: SessionStep): string {
  if (fate === 'accepted') return ''
  if (fate === 'duplicate') return 'not counted: its event_id has been accepted before'
  if (fate === 'late') return `not counted: ${watermarkMs - (event?.event_ts ?? 0)} ms behind the watermark`
  return `not counted: dead letter, ${fault ?? 'refused'}`
}

/** A dead event's time may be no instant at all. */
const instant = (ms: number | undefined): string | null =>
  ms === undefined || !(Math.abs(ms) <= 8_640_000_000_000_000) ? null : new Date(ms).toISOString()
