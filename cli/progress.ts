import { Presets, SingleBar } from 'cli-progress'

export interface ProgressState {
  /** Done so far, in the unit of `total`. */
  readonly done: number
  /** Records so far, for the rate. */
  readonly records: number
  /** What else is to be said: a short text. */
  readonly note: string
}

export interface Progress {
  /** Shows where the work is. Cheap: draws at most a few times a second. */
  readonly update: (state: ProgressState) => void
  readonly stop: () => void
}

const LINE_EVERY_MS = 5_000
const NOTHING: ProgressState = { done: 0, records: 0, note: '' }

/**
 * Progress on standard error: a bar with the rate on a terminal, else a line every five seconds.
 * @param total undefined when the end is not known
 */
export function startProgress(label: string, total: number | undefined, stream: NodeJS.WriteStream): Progress {
  return stream.isTTY ? barProgress(label, total, stream) : lineProgress(label, total, stream)
}

/** Records per second since the last time it was asked. */
function rateMeter(): (records: number) => number {
  let atMs = performance.now()
  let seen = 0
  return (records) => {
    const nowMs = performance.now()
    const rate = nowMs > atMs ? ((records - seen) * 1_000) / (nowMs - atMs) : 0
    atMs = nowMs
    seen = records
    return Math.round(rate)
  }
}

function barProgress(label: string, total: number | undefined, stream: NodeJS.WriteStream): Progress {
  const format =
    total === undefined
      ? `${label} {records} records, {rate}/s {note}`
      : `${label} [{bar}] {percentage}% {records} records, {rate}/s {note}`
  const bar = new SingleBar(
    { format, stream, hideCursor: true, clearOnComplete: false, fps: 5 },
    Presets.shades_classic,
  )
  const rateOf = rateMeter()
  let last = NOTHING
  let rate = 0
  const draw = () =>
    bar.update(Math.min(last.done, total ?? last.done), { records: last.records, rate, note: last.note })
  bar.start(total ?? 1, 0, { records: 0, rate: 0, note: '' })
  const timer = setInterval(() => {
    rate = rateOf(last.records)
    draw()
  }, 1_000)
  timer.unref()
  return {
    update: (state) => {
      last = state
      draw()
    },
    stop: () => {
      clearInterval(timer)
      draw()
      bar.stop()
    },
  }
}

function lineProgress(label: string, total: number | undefined, stream: NodeJS.WriteStream): Progress {
  const rateOf = rateMeter()
  let last = NOTHING
  const timer = setInterval(() => {
    const share = total === undefined ? '' : ` ${Math.floor((100 * last.done) / Math.max(1, total))}%`
    stream.write(`${label}:${share} ${last.records} records, ${rateOf(last.records)}/s ${last.note}\n`)
  }, LINE_EVERY_MS)
  timer.unref()
  return { update: (state) => (last = state), stop: () => clearInterval(timer) }
}
