import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Schemathesis } from './fetch-schemathesis.js'

/** What is looked at of a run's own report. */
interface Report {
  readonly complete: boolean
  readonly operations: { readonly selected: number; readonly tested: number; readonly errored: number }
  readonly test_cases: { readonly generated: number; readonly unique_failures: number }
  readonly errors: readonly unknown[]
}

export interface SchemathesisRun {
  readonly operations: number
  readonly requests: number
  readonly failures: number
  /** The failures in its words, those that were found first; empty without any. */
  readonly findings: readonly string[]
}

export interface SchemathesisSettings {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Of each operation, by the fuzzing phase; the other phases make as many as the document asks for. */
  readonly examples: number
  readonly seed: number
  /** TOML. */
  readonly configuration: string
  /** Of paths that are left out. */
  readonly excluded: readonly string[]
  readonly folder: string
}

const REQUEST_TIMEOUT_SECONDS = '10'

/** Runs every phase and every check over the document that the API serves. @throws when it has not come to its end */
export async function runSchemathesis(tool: Schemathesis, settings: SchemathesisSettings): Promise<SchemathesisRun> {
  const { url, headers, examples, seed, configuration, excluded, folder } = settings
  const [configFile, reportFile] = [join(folder, 'schemathesis.toml'), join(folder, 'report.json')]
  writeFileSync(configFile, configuration)
  const args = [
    ...['--config-file', configFile, 'run', `${url}/openapi.json`, '--checks', 'all', '--continue-on-failure'],
    ...['--max-examples', String(examples), '--seed', String(seed), '--workers', '2', '--no-color'],
    ...['--generation-database', 'none', '--request-timeout', REQUEST_TIMEOUT_SECONDS, '--warnings', 'off'],
    ...['--report', 'json', '--report-json-path', reportFile],
    ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...excluded.flatMap((path) => ['--exclude-path', path]),
  ]
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(tool.command, [...tool.args, ...args], { cwd: folder, env: { PATH, HOME, ...tool.env } })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  await once(child, 'close')
  const report = readReport(reportFile, output)
  const { generated: requests, unique_failures: failures } = report.test_cases
  const unfinished = report.operations.selected - report.operations.tested + report.errors.length
  if (!report.complete || unfinished > 0)
    throw new Error(`schemathesis did not come to its end:\n${output.slice(-4_000)}`)
  const from = output.indexOf('= FAILURES =')
  const findings =
    from < 0
      ? []
      : output
          .slice(from)
          .split('\n')
          .filter((line) => line.trim() !== '')
  return { operations: report.operations.tested, requests, failures, findings }
}

function readReport(file: string, output: string): Report {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Report
  } catch (cause) {
    throw new Error(`schemathesis has made no report:\n${output.slice(-4_000)}`, { cause })
  }
}
