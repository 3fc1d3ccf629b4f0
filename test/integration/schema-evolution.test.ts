import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { TOPICS } from '../../domain/events.js'
import { RegistryClient } from '../../platform/avro/registry-client.js'
import { AVRO_SCHEMAS, subjectOf } from '../../schemas/avro-schemas.js'
import { archivedLines } from '../support/archive-rows.js'
import { waitUntil } from '../support/child-process.js'
import { DetectionStage } from '../support/detection-stage.js'
import { readTopics } from '../support/dump-topic.js'
import { caseFile, produceCase } from '../support/produce-case.js'
import { useTestStack } from '../support/stack.js'

const CLICKS = AVRO_SCHEMAS[TOPICS.clicks] ?? ''
/** Of the wait for an unknown id, and of the time for which it is taken for unknown. */
const SCHEMA_MS = 1_000
const SETTINGS = { SCHEMA_WAIT_MS: String(SCHEMA_MS), SCHEMA_RECHECK_MS: String(SCHEMA_MS) }

type Fields = readonly { readonly name: string }[]

const changed = (change: (fields: Fields) => readonly object[]): string => {
  const schema = JSON.parse(CLICKS) as { readonly fields: Fields }
  return JSON.stringify({ ...schema, fields: change(schema.fields) })
}

describe('the schemas of producers', function () {
  this.timeout(180_000)
  const servers = useTestStack('postgres', 'kafka', 'registry')
  let stage: DetectionStage
  let registry: RegistryClient

  before(async () => {
    stage = await DetectionStage.open(servers(), SETTINGS)
    registry = new RegistryClient({ url: servers().schemaRegistryUrl, timeoutMs: 30_000 })
  })
  afterEach(() => stage.endProcesses())
  after(() => stage.close())

  /** A schema that the registry does not have yet, and the id that it will get. */
  async function schemaToCome(name: string) {
    const withField = (field: string) =>
      changed((all) => [...all, { name: field, type: ['null', 'string'], default: null }])
    const schema = withField(name)
    const schemaId = 1 + (await registry.register(`${name}-before`, withField(`before_${name}`)))
    const register = async () => assert.equal(await registry.register(`${name}-value`, schema), schemaId)
    return { schemaId, schema, register }
  }

  const passed = (count: () => Promise<number>, what: string): Promise<void> =>
    waitUntil(
      () => what,
      30_000,
      async () => {
        const ends = await stage.logEnds()
        return (await count()) >= [...ends.values()].reduce((a, b) => a + b, 0)
      },
    )
  const decided = () => passed(() => stage.processed(), 'the detector has decided all')
  const archived = () => passed(() => stage.archived(), 'the archiver has taken all in')

  async function accepted(): Promise<number> {
    return (await stage.fates()).reduce((sum, fates) => sum + fates.accepted, 0)
  }
  async function archivedRows(): Promise<number> {
    const { rows } = await stage.db.query<{ n: number }>(
      'SELECT coalesce(sum(f.row_count), 0)::int AS n FROM archive_files f',
    )
    return rows[0]?.n ?? 0
  }

  for (const first of ['detector', 'archiver'] as const)
    it(`an id that is registered later: the other agrees with the ${first}, which has asked before, about every record`, async () => {
      await stage.freshTopics()
      const coming = await schemaToCome(`later_${first}`)
      const send = (prefix: string, headers = {}) =>
        produceCase({ brokers: stage.brokers, file: 'k1-clicks.jsonl', ...coming, prefix, headers })
      const start = { detector: () => stage.startDetector(), archiver: () => stage.startArchiver() }
      const wait = { detector: decided, archiver: archived }
      const second = first === 'detector' ? 'archiver' : 'detector'
      const early = await send('early')
      start[first]()
      await wait[first]()
      await coming.register()
      const replayed = await send('early', { 'guardian.replay.id': 'r1' })
      await wait[first]()
      start[second]()
      await wait[second]()
      await new Promise((resolve) => setTimeout(resolve, SCHEMA_MS))
      const later = await send('later')
      await Promise.all([decided(), archived()])
      assert.deepEqual([await accepted(), await archivedRows()], [replayed + later, replayed + later])
      const letters = (await readTopics(stage.brokers, [TOPICS.deadLetters])).map(({ headers }) =>
        Buffer.from(headers['__connect.errors.exception.message']?.at(-1) ?? '', 'base64').toString(),
      )
      assert.equal(letters.length, early)
      for (const said of letters) assert.match(said, new RegExp(`registry ha[ds] no schema ${coming.schemaId}`))
    })

  it('an id that comes while the partition waits for it loses nothing, and other partitions do not wait', async () => {
    await stage.freshTopics()
    const coming = await schemaToCome('soon')
    const schemaId = await registry.register(subjectOf(TOPICS.clicks), CLICKS)
    stage.startDetector({ SCHEMA_WAIT_MS: '15000' })
    const common = { brokers: stage.brokers, file: 'k1-clicks.jsonl' }
    const sent = await produceCase({ ...common, ...coming, partition: 0, prefix: 'a' })
    const others = await produceCase({ ...common, schema: CLICKS, schemaId, partition: 1, prefix: 'b' })
    await waitUntil(
      () => 'the other partition is decided',
      10_000,
      async () => (await accepted()) === others,
    )
    await coming.register()
    await decided()
    assert.equal(await accepted(), sent + others)
  })

  it('a symbol that a producer adds: its record names it, and the others are read', async () => {
    await stage.freshTopics()
    const schema = readFileSync(caseFile('k2-clicks-v2.avsc'), 'utf8')
    const check = await stage.guardian(['schema', 'check', caseFile('k2-clicks-v2.avsc')])
    assert.equal(check.code, 0, check.stderr)
    assert.match(check.stdout, /event_type: the symbol wishlist makes its record a dead letter/)
    const schemaId = await registry.register(subjectOf(TOPICS.clicks), schema)
    stage.startDetector()
    stage.startArchiver()
    await produceCase({ brokers: stage.brokers, file: 'k2-clicks.jsonl', schema, schemaId })
    await Promise.all([decided(), archived()])
    assert.deepEqual([await accepted(), await archivedRows()], [9, 9])
    const [letter] = await readTopics(stage.brokers, [TOPICS.deadLetters])
    const said = Buffer.from(letter?.headers['__connect.errors.exception.message']?.at(-1) ?? '', 'base64').toString()
    assert.match(said, /event_type: the symbol wishlist is not known/)
  })

  it('a price that has become a double: converted exactly, or a dead letter that says so; never archived without its fields', async () => {
    await stage.freshTopics()
    const { fields, ...purchase } = JSON.parse(AVRO_SCHEMAS[TOPICS.purchases] ?? '') as { readonly fields: Fields }
    const schema = JSON.stringify({
      ...purchase,
      fields: fields.map((field) => (field.name === 'unit_price' ? { ...field, type: 'double' } : field)),
    })
    // Of another subject: that of the topic does not accept it, but producers may register where they like.
    const schemaId = await registry.register('doubles-value', schema)
    stage.startDetector()
    stage.startArchiver()
    const event = { source: 'bugcase', user_id: null, currency: 'EUR', session_id: 's', item_id: 'i', quantity: 1 }
    const others = [19.99, Number.NaN, 1_999].map((unit_price, i) => ({
      ...{ ...event, event_id: `other-${i}`, event_ts: Date.now(), order_id: `other-${i}`, unit_price },
    }))
    const common = { brokers: stage.brokers, topic: TOPICS.purchases, schema, schemaId }
    const sent = await produceCase({ ...common, file: 'k5-returns.jsonl', others })
    await Promise.all([decided(), archived()])
    assert.deepEqual([await accepted(), await archivedRows()], [sent - 2, sent - 2])
    const prices = (await archivedLines(stage.db, stage.archiveFolder)).map(({ text }) => text.split(' | ').at(-2))
    assert.deepEqual([...new Set(prices)].sort(), ['1000', '1999'])
    const letters = (await readTopics(stage.brokers, [TOPICS.deadLetters])).map(({ headers }) =>
      Buffer.from(headers['__connect.errors.exception.message']?.at(-1) ?? '', 'base64').toString(),
    )
    assert.equal(letters.length, 2)
    for (const said of letters) assert.match(said, /unit_price: the double is not exactly a number of type long/)
  })

  it('what the readers refuse, the registry refuses, and schema check says field by field why', async () => {
    const without = (name: string) => changed((all) => all.filter((field) => field.name !== name))
    const retyped = (name: string, type: unknown) =>
      changed((all) => all.map((field) => (field.name === name ? { name, type } : field)))
    const cases: [string, string, RegExp][] = [
      ['no session', without('session_id'), /session_id: the field is missing, and there is no default/],
      ['text for a time', retyped('event_ts', 'string'), /event_ts: string cannot be read as long/],
      [
        'a renamed field',
        changed((all) => all.map((f) => (f.name === 'page' ? { ...f, name: 'path', aliases: ['page'] } : f))),
        /page: the field is missing/,
      ],
      ['an address that is a number', retyped('ip', 'long'), /ip: long cannot be read as \[null, string\]/],
    ]
    for (const [name, schema, says] of cases) {
      const file = stage.file('candidate.avsc')
      writeFileSync(file, schema)
      const { code, stdout } = await stage.guardian(['schema', 'check', file])
      assert.equal(code, 1, name)
      assert.match(stdout, says)
      assert.match(stdout, /FULL_TRANSITIVE\): does not accept it/, name)
      await assert.rejects(registry.register(subjectOf(TOPICS.clicks), schema), { code: 'REGISTRY_REFUSED' }, name)
    }
    const unusable = stage.file('unusable.avsc')
    for (const [text, says] of [
      ['no json', /no JSON/],
      ['{"type":"recrd","name":"Click"}', /no Avro schema/],
    ] as const) {
      writeFileSync(unusable, text)
      const { code, stderr } = await stage.guardian(['schema', 'check', unusable])
      assert.deepEqual([code, says.test(stderr)], [2, true], stderr)
    }
    assert.equal((await stage.guardian(['schema', 'check', caseFile('k2-clicks-v2.avsc'), '--topic', 'x'])).code, 2)
  })
})
