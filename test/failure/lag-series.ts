import type { ServiceProcess } from '../support/child-process.js'

const SERIES = /^guardian_lag_records\{(.*)\} (\S+)$/gm

/** What detectors say about how far they are behind, by `topic/partition`; each list has one entry for each that says so. */
export async function lagSeries(detectors: readonly ServiceProcess[]): Promise<Map<string, number[]>> {
  const lags = new Map<string, number[]>()
  for (const detector of detectors)
    for (const [, labels = '', value] of (await metricsOf(detector)).matchAll(SERIES)) {
      const label = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
      const key = `${label('topic')}/${label('partition')}`
      lags.set(key, [...(lags.get(key) ?? []), Number(value)])
    }
  return lags
}

/** @returns the process's metrics as text; empty while it does not serve them yet */
export async function metricsOf(detector: ServiceProcess): Promise<string> {
  const port = detector.said(/"metricsPort":(\d+)/)
  if (port === undefined) return ''
  const response = await fetch(`http://127.0.0.1:${port}/metrics`)
  if (!response.ok) throw new Error(`the metrics answered ${response.status}`)
  return response.text()
}
