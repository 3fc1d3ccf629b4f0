import type { WatchDeps } from '../../activities/alerts/watch-activities.js'
import { recordLook } from '../../db/stores/alert-looks.js'
import { moveWatches, readWatch } from '../../db/stores/alert-watches.js'
import type { Channel } from '../../domain/alerting/channel.js'
import type { AlertPolicy } from '../../domain/alerting/decide-alert.js'
import { watchedSources, type SourceParts } from './watched-sources.js'

export interface WatchParts extends SourceParts {
  readonly policy: AlertPolicy
  /** For how long what was decided is kept. */
  readonly keptMs: number
  /** Channels that a message goes to. */
  readonly channels: readonly Channel[]
}

/** What the watch asks. */
export const watchDeps = (parts: WatchParts): WatchDeps => {
  const { db, policy, keptMs, channels } = parts
  return {
    readWatch: (source) => readWatch(db, source),
    sources: watchedSources(parts),
    recordWatchLook: ({ spans, ...look }) =>
      recordLook(db, { ...look, policy, keptMs, channels, alongside: (tx) => moveWatches(tx, spans) }),
  }
}
