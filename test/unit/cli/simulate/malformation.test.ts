import assert from 'node:assert/strict'
import { MALFORMATION_KINDS, MALFORMATIONS, malform } from '../../../../cli/simulate/malformation.js'
import { faultOf } from '../../../../domain/events/event-fault.js'
import { TOPICS, type Click } from '../../../../domain/events.js'
import { createEncoder } from '../../../../platform/avro/codec.js'
import { PlatformError } from '../../../../platform/platform-error.js'
import { AVRO_SCHEMAS, OBSERVED_EVENT_SCHEMA } from '../../../../schemas/avro-schemas.js'
import { EventDecoder } from '../../../../workers/detector/event-decoder.js'

const click: Click = {
  event_id: '3f0c1b1e-0000-4000-8000-000000000001',
  event_ts: Date.UTC(2026, 0, 1),
  ingest_ts: Date.UTC(2026, 0, 1),
  source: 'test',
  session_id: 's',
  user_id: null,
  event_type: 'item_view',
  item_id: 'item',
  page: '/items/item',
  ip: null,
  user_agent: null,
  referrer: null,
}
const schema = AVRO_SCHEMAS[TOPICS.clicks] ?? ''

describe('malform', () => {
  const schemaById = (id: number) =>
    id === 1 ? Promise.resolve(schema) : Promise.reject(new PlatformError('SCHEMA_UNKNOWN', String(id)))
  const decoder = new EventDecoder(OBSERVED_EVENT_SCHEMA('Click'), { schemaById, maxRecordBytes: 1_048_576 })
  const encode = createEncoder(schema, 1)

  async function codeOf(value: Buffer | null): Promise<string | undefined> {
    for (const id of decoder.missingIds([value])) await decoder.learn(id)
    const { event, fault } = decoder.decode(value)
    return event ? faultOf(event, Date.UTC(2026, 0, 2), 300_000)?.code : fault.code
  }

  it('leaves nothing wrong in a record that is not malformed', async () => {
    assert.equal(await codeOf(encode(click)), undefined)
  })

  for (const kind of MALFORMATION_KINDS)
    it(`${kind} is ${MALFORMATIONS[kind]}, wherever it is cut`, async () => {
      for (const cut of [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999_999])
        assert.equal(await codeOf(malform(kind, click, encode, cut)), MALFORMATIONS[kind], `cut ${cut}`)
    })
})
