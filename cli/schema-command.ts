import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { TOPICS } from '../domain/events.js'
import { RegistryClient } from '../platform/avro/registry-client.js'
import { REGISTRY_CONNECTION_VARIABLES, registrySettings } from '../platform/avro/registry-connection.js'
import { loadConfig } from '../platform/config.js'
import { READER_SCHEMAS, subjectOf } from '../schemas/avro-schemas.js'
import { UsageError } from './cli-error.js'
import { checkSchema, recordNameOf, type SchemaCheck } from './schema/check-schema.js'
import { runCommand, type CommandResult, type Terminal } from './terminal.js'

const EXPLANATION = `
The schema is resolved with the one by which detector, archiver and API read the topic, by the same code, and the
registry is asked whether it would take it as the next version. Nothing is registered. Exit code 0: both accept it. 1: one
does not, and each field that is in the way is named.`

interface CheckWords {
  readonly topic?: string
  readonly json?: boolean
}

/** `guardian schema check`: whether a producer may write with a schema. */
export const schemaCommand = (): Command =>
  new Command('schema').description("check a producer's Avro schema before it is used").addCommand(
    new Command('check')
      .description('say field by field whether a schema can be read, and whether the registry takes it')
      .argument('<file>', 'an Avro schema (.avsc)')
      .option(
        '--topic <topic>',
        `${Object.keys(READER_SCHEMAS).join(' or ')}; by default, the record\'s name says which`,
      )
      .option('--json', 'print one JSON document')
      .addHelpText('after', EXPLANATION)
      .action((file: string, words: CheckWords) => runCommand(words, (terminal) => check(file, words, terminal))),
  )

async function check(file: string, { topic: asked }: CheckWords, { env }: Terminal): Promise<CommandResult> {
  const config = loadConfig(REGISTRY_CONNECTION_VARIABLES, env)
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UsageError(`${file} cannot be read: ${cause instanceof Error ? cause.message : 'unknown'}`)
  })
  const name = recordNameOf(text)
  const topic = asked ?? (name === 'Purchase' ? TOPICS.purchases : TOPICS.clicks)
  const reader = READER_SCHEMAS[topic]
  if (reader === undefined)
    throw new UsageError(`--topic ${topic}: the topics of events are ${Object.keys(READER_SCHEMAS).join(' and ')}`)
  const registry = new RegistryClient(registrySettings(config))
  const found = await checkSchema(text, { reader, subject: subjectOf(topic), registry })
  const complete = found.readers.accepts && found.registry.accepts
  return { document: { file, topic, accepts: complete, ...found }, lines: linesOf(file, topic, found), complete }
}

const said = (accepts: boolean): string => (accepts ? 'accept it' : 'do not accept it')

function linesOf(file: string, topic: string, { readers, registry }: SchemaCheck): string[] {
  return [
    `${file} for ${topic}`,
    `readers (detector, archiver, API): ${said(readers.accepts)}`,
    ...(readers.problem === null ? [] : [`  ${readers.problem}`]),
    ...readers.fields.flatMap(({ field, problem, dead_letters: limits, is_ignored: isIgnored }) => [
      ...(problem === null ? [] : [`  ${field}: ${problem}`]),
      ...limits.map((limit) => `  ${field}: ${limit} makes its record a dead letter`),
      ...(isIgnored ? [`  ${field}: not read`] : []),
    ]),
    `registry (${registry.subject}, ${registry.rule}): ${registry.accepts ? 'accepts it' : 'does not accept it'}`,
    ...registry.conflicts.map(({ version, direction, field, problem }) => {
      const who = direction === 'forward' ? `version ${version} cannot read it` : `it cannot read version ${version}`
      return `  ${who}: ${field === null ? '' : `${field}: `}${problem}`
    }),
    ...(readers.accepts && registry.accepts ? ['Register it, then produce with it.'] : []),
  ]
}
