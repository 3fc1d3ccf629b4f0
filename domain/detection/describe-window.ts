import { eventIdText } from '../dedup/event-id.js'
import { PANE_MS } from '../windowing/pane.js'
import { F_ACTOR_OFFSET, F_FIRST_OFFSET, F_LAST_OFFSET } from '../windowing/pane-layout.js'
import { I_ACTOR, I_FIRST_ID, I_LAST_ID, NONE } from '../windowing/pane-layout.js'
import type { PaneStore } from '../windowing/pane-store.js'
import { idIn } from '../windowing/pane-event.js'
import type { Anomaly } from './anomaly.js'
import type { OpenWindow } from './open-windows.js'

/** The slots of a session's panes in a window, those that are there. */
function slotsOf(panes: PaneStore, sessionId: string, startPane: number, sizePanes: number): number[] {
  const slots = new Int32Array(sizePanes)
  panes.gather(panes.findKey(sessionId), startPane, slots)
  return [...slots].filter((slot) => slot !== NONE)
}

/** How many distinct values a session has in a window. */
export const distinctValues = (panes: PaneStore, sessionId: string, startPane: number, sizePanes: number): number =>
  distinctIn(panes, slotsOf(panes, sessionId, startPane, sizePanes))

function distinctIn(panes: PaneStore, slots: readonly number[]): number {
  const [only] = slots
  if (only !== undefined && slots.length === 1) return panes.distinctOf(only)
  const values = new Set<number>()
  for (const slot of slots) for (const value of panes.valuesOf(slot)) values.add(value)
  return values.size
}

/**
 * The row of a window that is open, as of the last event in it. Panes are read where they lie: rows of open windows are
 * made again and again.
 * @throws RangeError when the window's panes have been forgotten
 */
export function openRow(panes: PaneStore, window: OpenWindow): Anomaly {
  const { rule, sessionId, startPane, endPane } = window
  const slots = slotsOf(panes, sessionId, startPane, endPane - startPane)
  const [some] = slots
  if (some === undefined) throw new RangeError(`an open window of ${rule.ruleId} has no panes`)
  const latest = (which: number): number =>
    slots.reduce((a, b) => (panes.blocks.double(b, which) > panes.blocks.double(a, which) ? b : a), some)
  const first = slots.reduce(
    (a, b) => (panes.blocks.double(b, F_FIRST_OFFSET) < panes.blocks.double(a, F_FIRST_OFFSET) ? b : a),
    some,
  )
  const last = latest(F_LAST_OFFSET)
  const actor = panes.blocks.word(latest(F_ACTOR_OFFSET), I_ACTOR)
  const eventCount = slots.reduce((sum, slot) => sum + panes.countOf(slot), 0)
  const distinctItems = distinctIn(panes, slots)
  const lastOffset = panes.blocks.double(last, F_LAST_OFFSET)
  return {
    sessionId,
    userId: actor === NONE ? null : panes.strings.textOf(actor),
    ruleId: rule.ruleId,
    ruleVersion: rule.version,
    mode: rule.mode,
    windowStartMs: startPane * PANE_MS,
    windowEndMs: endPane * PANE_MS,
    eventCount,
    distinctItems,
    status: 'open',
    firstOffset: panes.blocks.double(first, F_FIRST_OFFSET),
    lastOffset,
    asOfOffset: lastOffset,
    producedMs: window.producedMs,
    kafkaMs: window.kafkaMs,
    evidence: evidenceOf(window, {
      eventCount,
      distinctItems,
      firstId: idText(idIn(panes.blocks, first, I_FIRST_ID, panes.strings)),
      lastId: idText(idIn(panes.blocks, last, I_LAST_ID, panes.strings)),
    }),
  }
}

function evidenceOf(
  { rule, crossed }: OpenWindow,
  seen: { eventCount: number; distinctItems: number; firstId: string; lastId: string },
): Anomaly['evidence'] {
  const most = rule.condition.maxDistinct(seen.eventCount)
  return {
    rule: { kind: rule.kind, version: rule.version, parameters: rule.parameters },
    observed: { events: seen.eventCount, distinct_items: seen.distinctItems },
    threshold: { min_events: rule.condition.minEvents, max_distinct_items: Number.isFinite(most) ? most : null },
    first_event_id: seen.firstId,
    last_event_id: seen.lastId,
    crossed,
  }
}

const idText = (id: string | Int32Array): string =>
  typeof id === 'string' ? id : eventIdText(id[0] ?? 0, id[1] ?? 0, id[2] ?? 0, id[3] ?? 0)
