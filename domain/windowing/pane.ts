/**
 * Event time is cut into panes of ten seconds, aligned to the epoch. A window is a run of panes, so that an event
 * touches one pane, however many windows hold it (Li et al., "No Pane, No Gain", SIGMOD Record 2005).
 */
export const PANE_MS = 10_000

/** The pane that holds an instant: `[pane * PANE_MS, (pane + 1) * PANE_MS)`. Floors, so times before 1970 work too. */
export const paneOf = (timeMs: number): number => Math.floor(timeMs / PANE_MS)

/** A window's size and slide, in panes. Windows start at the multiples of the slide, aligned to the epoch. */
export interface PaneWindow {
  readonly sizePanes: number
  readonly slidePanes: number
}

/** A window may be at most an hour long: its panes are kept that long for every key. */
export const MAX_WINDOW_MS = 3_600_000

/**
 * @param sizeMs length of the window
 * @param slideMs distance between window starts; equal to the size for a tumbling window
 * @throws RangeError unless both are positive multiples of the pane, slide <= size <= one hour
 */
export function paneWindow(sizeMs: number, slideMs: number): PaneWindow {
  if (!Number.isInteger(sizeMs) || sizeMs <= 0 || sizeMs > MAX_WINDOW_MS || sizeMs % PANE_MS !== 0)
    throw new RangeError(`a window is a multiple of ${PANE_MS} ms, at most ${MAX_WINDOW_MS} ms, not ${sizeMs} ms`)
  if (!Number.isInteger(slideMs) || slideMs <= 0 || slideMs > sizeMs || slideMs % PANE_MS !== 0)
    throw new RangeError(`a slide is a multiple of ${PANE_MS} ms, at most the window, not ${slideMs} ms`)
  return { sizePanes: sizeMs / PANE_MS, slidePanes: slideMs / PANE_MS }
}

/** The first pane of the oldest window that holds `pane`; the others follow, one slide apart, up to `pane`. */
export const oldestWindowStart = ({ sizePanes, slidePanes }: PaneWindow, pane: number): number =>
  Math.ceil((pane - sizePanes + 1) / slidePanes) * slidePanes
