/** Says on standard error how it goes: in one line on a terminal, else a line now and then. */
export interface ProgressLine {
  /** What is being done; the next replaces it. */
  readonly say: (text: string) => void
  /** What stays to be read. */
  readonly keep: (text: string) => void
  readonly update: (text: string, share: number) => void
  readonly end: () => void
}

const EVERY_MS = 5_000

export function progressLine(): ProgressLine {
  const { stderr } = process
  let saidAtMs = Number.NEGATIVE_INFINITY
  const write = (text: string) => stderr.write(stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`)
  return {
    say: write,
    keep: (text) => stderr.write(`${stderr.isTTY ? '\r\x1b[K' : ''}${text}\n`),
    update: (text, share) => {
      if (!stderr.isTTY && performance.now() - saidAtMs < EVERY_MS) return
      saidAtMs = performance.now()
      write(`${text}: ${Math.round(share * 100)} %`)
    },
    end: () => {
      if (stderr.isTTY) stderr.write('\r\x1b[K')
    },
  }
}
