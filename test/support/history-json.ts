import { hostname } from 'node:os'
import { join } from 'node:path'
import proto, { type temporal } from '@temporalio/proto'
import { packageRoot } from '../../platform/package-root.js'

const { History } = proto.temporal.api.history.v1
export type History = temporal.api.history.v1.History

/**
 * A history as JSON that a person can read and that `historyFromText` reads back: protobufjs' own form. The SDK's
 * `historyToJSON` needs the SDK's packages to share one copy of protobufjs, which an installation need not give them.
 * The names of machines and the stacks with their paths are left out: they say nothing in a replay.
 */
export function historyToText(history: temporal.api.history.v1.IHistory): string {
  const plain = History.toObject(History.fromObject(history), { enums: String, longs: String, bytes: String })
  const withoutPlaces = (name: string, part: unknown): unknown => {
    if (name === 'identity') return 'recorder'
    if (typeof part === 'string' && part.includes(hostname())) return part.replaceAll(hostname(), 'recorder')
    return name === 'stackTrace' ? '' : part
  }
  return `${JSON.stringify(plain, withoutPlaces, 1)}\n`
}

export const historyFromText = (text: string): History => History.fromObject(JSON.parse(text) as object)

/**
 * Where a history is recorded. HISTORY_SUFFIX keeps the one that is there, for runs that began before a change and go on
 * after it: `HISTORY_SUFFIX=-searchable`.
 */
export const historyFile = (name: string): string =>
  join(packageRoot, 'test', 'replay', 'histories', `${name}${process.env['HISTORY_SUFFIX'] ?? ''}.json`)
