import { Counter, Gauge, type Registry } from '../platform/metrics.js'
import type { ObjectStorage } from '../platform/object-storage/object-storage.js'

/** A counter of ours: `guardian_` before its name. */
export const counter = <Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
) => new Counter<Label>({ registers: [registry], name: `guardian_${name}`, help, labelNames: [...labelNames] })

/** A gauge of ours: `guardian_` before its name. */
export const gauge = <Label extends string = never>(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly Label[] = [],
) => new Gauge<Label>({ registers: [registry], name: `guardian_${name}`, help, labelNames: [...labelNames] })

/** What waits for a server, and how much may. */
export interface Backlog {
  readonly waiting: () => number
  readonly limit: number
}

/** A gauge that is read when it is asked for, and one that says at what it is full. */
export function backlog(registry: Registry, name: string, help: string, { waiting, limit }: Backlog): void {
  new Gauge({
    registers: [registry],
    name: `guardian_${name}`,
    help,
    collect() {
      this.set(waiting())
    },
  })
  gauge(registry, `${name}_limit`, `${help}, at most`).set(limit)
}

const STORAGE_HELP = {
  storage_kept_bytes: 'Bytes of copies of files of the archive on this machine',
  storage_parts_sending: 'Parts of files that are in memory and on their way to the archive',
} as const

/** What the storage of the archive holds against its limits; a folder has none. */
export function storageBacklogs(registry: Registry, storage: Pick<ObjectStorage, 'backlogs'>): void {
  for (const { name, ...held } of storage.backlogs()) backlog(registry, name, STORAGE_HELP[name], held)
}
