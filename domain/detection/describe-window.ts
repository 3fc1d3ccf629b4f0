import { eventIdText } from '../dedup/event-id.js'
import { PANE_MS } from '../windowing/pane.js'
import type { PaneStore } from '../windowing/pane-store.js'
import type { PaneView } from '../windowing/pane-view.js'
import type { Anomaly } from './anomaly.js'
import type { OpenWindow } from './open-windows.js'

const NONE = -1

/** The slots of a session's panes in a window, those that are there. */
function slotsOf(panes: PaneStore, sessionId: string, startPane: number, sizePanes: number): number[] {
  const slots = new Int32Array(sizePanes)
  panes.gather(panes.findKey(sessionId), startPane, slots)
  return [...slots].filter((slot) => slot !== NONE)
}

/** How many distinct values a session has in a window. */
export function distinctValues(panes: PaneStore, sessionId: string, startPane: number, sizePanes: number): number {
  const values = new Set<number>()
  for (const slot of slotsOf(panes, sessionId, startPane, sizePanes))
    for (const value of panes.valuesOf(slot)) values.add(value)
  return values.size
}

/**
 * The row of a window that is open, as of the last event in it.
 * @throws RangeError when the window's panes have been forgotten
 */
export function openRow(panes: PaneStore, window: OpenWindow): Anomaly {
  const { rule, sessionId, startPane, endPane } = window
  const views = slotsOf(panes, sessionId, startPane, endPane - startPane).map((slot) => panes.view(slot))
  const [some] = views
  if (!some) throw new RangeError(`an open window of ${rule.ruleId} has no panes`)
  const first = views.reduce((a, b) => (b.firstOffset < a.firstOffset ? b : a), some)
  const last = views.reduce((a, b) => (b.lastOffset > a.lastOffset ? b : a), some)
  const actor = views.reduce((a, b) => (b.actorOffset > a.actorOffset ? b : a), some)
  const eventCount = views.reduce((sum, view) => sum + view.count, 0)
  const distinctItems = new Set(views.flatMap((view) => view.values)).size
  return {
    sessionId,
    userId: actor.actor,
    ruleId: rule.ruleId,
    ruleVersion: rule.version,
    mode: rule.mode,
    windowStartMs: startPane * PANE_MS,
    windowEndMs: endPane * PANE_MS,
    eventCount,
    distinctItems,
    status: 'open',
    firstOffset: first.firstOffset,
    lastOffset: last.lastOffset,
    asOfOffset: last.lastOffset,
    producedMs: window.producedMs,
    kafkaMs: window.kafkaMs,
    evidence: evidenceOf(window, { eventCount, distinctItems, first, last }),
  }
}

function evidenceOf(
  { rule, crossed }: OpenWindow,
  seen: { eventCount: number; distinctItems: number; first: PaneView; last: PaneView },
): Anomaly['evidence'] {
  const most = rule.condition.maxDistinct(seen.eventCount)
  return {
    rule: { kind: rule.kind, version: rule.version, parameters: rule.parameters },
    observed: { events: seen.eventCount, distinct_items: seen.distinctItems },
    threshold: { min_events: rule.condition.minEvents, max_distinct_items: Number.isFinite(most) ? most : null },
    first_event_id: idText(seen.first.firstId),
    last_event_id: idText(seen.last.lastId),
    crossed,
  }
}

const idText = (id: string | Int32Array): string =>
  typeof id === 'string' ? id : eventIdText(id[0] ?? 0, id[1] ?? 0, id[2] ?? 0, id[3] ?? 0)
