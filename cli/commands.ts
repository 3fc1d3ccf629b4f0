import { Command } from 'commander'

/** A command as the list of all shows it, and how to load the rest of it. */
export interface ListedCommand {
  /** What follows its name, as its own help says. */
  readonly usage: string
  readonly description: string
  readonly load: () => Promise<() => Command>
}

/**
 * Every `guardian` command, one file each. It is loaded when it is asked for: all of them together take more than a
 * second. A test compares this list with what each command says of itself.
 */
export const COMMANDS: Readonly<Record<string, ListedCommand>> = {
  setup: {
    usage: '[options]',
    description: 'migrate the database, create the topics, register the schemas; safe to run again',
    load: async () => (await import('./setup-command.js')).setupCommand,
  },
  simulate: {
    usage: '[options]',
    description: 'send the traffic of a simulated shop: people, bots, scrapers, bad clocks, duplicates, broken records',
    load: async () => (await import('./simulate-command.js')).simulateCommand,
  },
  ingest: {
    usage: '[options] [files...]',
    description: 'send the page views of web server access logs through the system',
    load: async () => (await import('./ingest-command.js')).ingestCommand,
  },
  scan: {
    usage: '[options] <files...>',
    description: 'find abnormal sessions in web server access logs, without any server',
    load: async () => (await import('./scan-command.js')).scanCommand,
  },
  rules: {
    usage: '',
    description: 'list rules, put a new version of one in force, or retire one',
    load: async () => (await import('./rules-command.js')).rulesCommand,
  },
  explain: {
    usage: '[options] <anomaly>',
    description: 'say why an anomaly was raised, by reading its part of the log once more',
    load: async () => (await import('./explain-command.js')).explainCommand,
  },
  'why-not': {
    usage: '[options] <session>',
    description: 'say, rule by rule, why a session was not flagged, by reading its partition once more',
    load: async () => (await import('./why-not-command.js')).whyNotCommand,
  },
  audit: {
    usage: '',
    description: 'check the audit log, or copy it to a file',
    load: async () => (await import('./audit-command.js')).auditCommand,
  },
  kpi: {
    usage: '',
    description: 'compute the figures of a day, or of a range of days',
    load: async () => (await import('./kpi-command.js')).kpiCommand,
  },
  backtest: {
    usage: '[options] <rule>',
    description: 'what a rule would have flagged on archived days, against the version in force',
    load: async () => (await import('./backtest-command.js')).backtestCommand,
  },
  schedules: {
    usage: '[options]',
    description: 'what runs on its own, when it last did, and when it will next',
    load: async () => (await import('./schedules-command.js')).schedulesCommand,
  },
  dlq: {
    usage: '',
    description: 'list dead letters, or send them back to where they came from',
    load: async () => (await import('./dlq-command.js')).dlqCommand,
  },
  schema: {
    usage: '',
    description: "check a producer's Avro schema before it is used",
    load: async () => (await import('./schema-command.js')).schemaCommand,
  },
  'new-log': {
    usage: '[options] <topic>',
    description:
      'a topic was deleted and made anew: read it from its beginning, beside what is archived of the log before',
    load: async () => (await import('./new-log-command.js')).newLogCommand,
  },
  slo: {
    usage: '[options]',
    description: 'how long it took from an event to the anomaly it gave away, and what is left of the error budget',
    load: async () => (await import('./slo-command.js')).sloCommand,
  },
  doctor: {
    usage: '[options]',
    description: 'look at this machine and at the servers: what is there, what is missing, how to get it',
    load: async () => (await import('./doctor-command.js')).doctorCommand,
  },
}

/**
 * The command that is asked for, whole, or all of them in name and description only: enough for help, and for the name
 * that a mistyped one resembles.
 * @param words the words after `guardian`
 */
export async function commandsFor(words: readonly string[]): Promise<readonly Command[]> {
  const name = words.find((word) => word !== 'help' && !word.startsWith('-')) ?? ''
  if (Object.hasOwn(COMMANDS, name)) return [await loadCommand(name)]
  return Object.entries(COMMANDS).map(([other, { description }]) => new Command(other).description(description))
}

async function loadCommand(name: string): Promise<Command> {
  const create = await COMMANDS[name]?.load()
  if (create === undefined) throw new Error(`there is no command ${name}`)
  return create()
}
