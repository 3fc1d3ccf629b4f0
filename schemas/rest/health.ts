import { z } from 'zod'
import { CHANNEL_CIRCUITS, CHANNELS } from '../../domain/alerting/channel.js'
import { Timestamp } from './parameters.js'

export const DependencyHealth = z
  .strictObject({
    name: z.string().meta({ example: 'postgres' }),
    status: z.enum(['up', 'down']),
    required: z.boolean().meta({ description: 'Whether requests fail without it' }),
    code: z.string().nullable().meta({ description: 'Why it is down, as a stable code' }),
    circuit: z
      .enum(['closed', 'open', 'half_open'])
      .optional()
      .meta({ description: 'open: it is not asked for a while, because it did not answer' }),
    latency_ms: z.number().min(0),
    checked_ts: Timestamp,
  })
  .meta({ id: 'DependencyHealth' })
export type DependencyHealth = z.output<typeof DependencyHealth>

const ChannelHealth = z
  .strictObject({
    channel: z.enum(CHANNELS),
    status: z.enum(['on', 'off']).meta({ description: '`off`: not configured; alerts do not go there' }),
    circuit: z.enum(CHANNEL_CIRCUITS).nullable().meta({
      description: '`open`: its receiver did not answer, and is not asked for a while; null for a channel that is off',
    }),
    owed: z.int().min(0).meta({ description: 'Messages that have not been sent yet' }),
  })
  .meta({ id: 'ChannelHealth' })

const ProcessHealth = z
  .strictObject({
    name: z.string().meta({ example: 'archiver' }),
    status: z.enum(['running', 'restarting']).meta({ description: '`restarting`: it does not run now' }),
    crashes: z.int().min(1).meta({ description: 'In a row' }),
    since_ts: Timestamp,
    last_crash_ts: Timestamp,
  })
  .meta({ id: 'ProcessHealth' })

/** From so many crashes in a row on, a process is not well even while it runs. */
export const CRASHES_DEGRADED = 3

export const Health = z
  .strictObject({
    status: z.enum(['ok', 'degraded']).meta({
      description: `\`degraded\`: one of the dependencies is down, or a process does not run or has crashed ${CRASHES_DEGRADED} times in a row`,
    }),
    version: z.string(),
    uptime_seconds: z.number().min(0),
    dependencies: z.array(DependencyHealth),
    processes: z.array(ProcessHealth).meta({
      description: 'Processes that have crashed in the last minutes; empty where no supervisor reports them',
    }),
    alert_channels: z
      .array(ChannelHealth)
      .meta({ description: 'As the orchestrator said at its last start; empty while that cannot be read' }),
  })
  .meta({ id: 'Health' })
export type Health = z.output<typeof Health>

export const Liveness = z.strictObject({ status: z.literal('alive') }).meta({ id: 'Liveness' })

export const Readiness = z
  .strictObject({
    status: z.enum(['ready', 'not_ready']),
    dependencies: z.array(DependencyHealth),
  })
  .meta({ id: 'Readiness' })
export type Readiness = z.output<typeof Readiness>
