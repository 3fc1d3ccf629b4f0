import { readFileSync, statSync } from 'node:fs'

/** A process that has crashed lately, as its supervisor describes it. */
export interface ProcessState {
  readonly name: string
  /** `restarting`: it does not run now. */
  readonly status: 'running' | 'restarting'
  /** In a row, since it last ran without a crash for some minutes. */
  readonly crashes: number
  /** How it ended last, in a few words: "exit code 1". */
  readonly cause: string
  /** Of the first and of the last of these crashes, ISO 8601. */
  readonly since_ts: string
  readonly last_crash_ts: string
}

const MAX_BYTES = 65_536
const MAX_NAME = 100

/**
 * The processes that have crashed lately, as their supervisor writes them to a file: `{"processes": [ProcessState, …]}`.
 * @param path undefined or missing when nobody writes it: no process is known to have crashed
 * @throws Error when the file is not in that form
 */
export function readProcessStates(path: string | undefined): readonly ProcessState[] {
  if (path === undefined || statSync(path, { throwIfNoEntry: false }) === undefined) return []
  const text = readFileSync(path, 'utf8')
  if (text.length > MAX_BYTES) throw new Error(`${path} is larger than ${MAX_BYTES} bytes`)
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (cause) {
    throw new Error(`${path} is not JSON`, { cause })
  }
  const processes = isRecord(document) ? document['processes'] : undefined
  if (!Array.isArray(processes) || !processes.every(isState)) throw new Error(`${path} is not a list of process states`)
  return processes
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isState = (value: unknown): value is ProcessState =>
  isRecord(value) &&
  isText(value['name']) &&
  isText(value['cause']) &&
  (value['status'] === 'running' || value['status'] === 'restarting') &&
  Number.isSafeInteger(value['crashes']) &&
  isTimestamp(value['since_ts']) &&
  isTimestamp(value['last_crash_ts'])

const isText = (value: unknown): boolean => typeof value === 'string' && value.length <= MAX_NAME

const isTimestamp = (value: unknown): boolean =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) && !Number.isNaN(Date.parse(value))
