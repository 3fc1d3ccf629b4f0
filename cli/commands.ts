import type { Command } from 'commander'

/** Every `guardian` command, one file each. It is loaded when it is asked for: all of them together take a second. */
export const COMMANDS: Readonly<Record<string, () => Promise<() => Command>>> = {
  setup: async () => (await import('./setup-command.js')).setupCommand,
  simulate: async () => (await import('./simulate-command.js')).simulateCommand,
  ingest: async () => (await import('./ingest-command.js')).ingestCommand,
  scan: async () => (await import('./scan-command.js')).scanCommand,
  rules: async () => (await import('./rules-command.js')).rulesCommand,
  explain: async () => (await import('./explain-command.js')).explainCommand,
  'why-not': async () => (await import('./why-not-command.js')).whyNotCommand,
  audit: async () => (await import('./audit-command.js')).auditCommand,
  kpi: async () => (await import('./kpi-command.js')).kpiCommand,
  backtest: async () => (await import('./backtest-command.js')).backtestCommand,
  schedules: async () => (await import('./schedules-command.js')).schedulesCommand,
  dlq: async () => (await import('./dlq-command.js')).dlqCommand,
  schema: async () => (await import('./schema-command.js')).schemaCommand,
  'new-log': async () => (await import('./new-log-command.js')).newLogCommand,
  slo: async () => (await import('./slo-command.js')).sloCommand,
  doctor: async () => (await import('./doctor-command.js')).doctorCommand,
}

/** The command that the first word names; all of them when it names none, for help and for what is like it. */
export function commandsFor(word: string | undefined): readonly (() => Promise<() => Command>)[] {
  const command = word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
  return command === undefined ? Object.values(COMMANDS) : [command]
}
