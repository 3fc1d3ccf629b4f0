import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'

/** What autocannon saw. */
export interface Load {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers other than those that were asked for. */
  readonly failed: number
}

export interface LoadSettings {
  readonly connections: number
  readonly seconds: number
  readonly headers: Readonly<Record<string, string>>
  /** Path of a file; makes it a POST of JSON. */
  readonly bodyFile?: string
  /** Of the answer that is asked for. */
  readonly status: '2xx' | '3xx'
}

interface Report {
  readonly requests: { readonly average: number }
  readonly latency: { readonly p50: number; readonly p99: number }
  readonly errors: number
  readonly timeouts: number
  readonly '2xx': number
  readonly '3xx': number
  readonly non2xx: number
}

/** Loads a URL from a process of its own. @throws when autocannon fails */
export async function load(url: string, settings: LoadSettings): Promise<Load> {
  const { connections, seconds, headers, bodyFile, status } = settings
  const args = [
    createRequire(import.meta.url).resolve('autocannon/autocannon.js'),
    ...['--json', '--no-progress', '-c', String(connections), '-d', String(seconds)],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}=${value}`]),
    ...(bodyFile === undefined ? [] : ['-m', 'POST', '-i', bodyFile]),
    url,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`autocannon ended with ${String(code)}`)
  const report = JSON.parse(output) as Report
  const all = report['2xx'] + report.non2xx
  return {
    perSecond: report.requests.average,
    p50Ms: report.latency.p50,
    p99Ms: report.latency.p99,
    failed: all - report[status] + report.errors + report.timeouts,
  }
}
