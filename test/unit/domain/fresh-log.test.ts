import assert from 'node:assert/strict'
import fc from 'fast-check'
import { TOPICS } from '../../../domain/events.js'
import {
  FRESH_LOG_NAME,
  freshLogNameOfFile,
  freshLogNameOfSchema,
  freshLogOf,
  freshLogOfTopic,
  sideTopicsOf,
} from '../../../domain/fresh-log.js'

const anyName = fc.stringMatching(/^[a-z0-9]{1,8}(-[a-z0-9]{1,8}){0,3}$/)

describe('the names of a fresh log', () => {
  it('lead from the topic and from the schema back to the log', () =>
    fc.assert(
      fc.property(anyName, (name) => {
        const log = freshLogOf(name)
        assert.deepEqual(freshLogOfTopic(log.topic), log)
        assert.equal(freshLogNameOfSchema(log.schema), name)
      }),
    ))

  it('are those of no other topic or schema', () => {
    const log = freshLogOf('access')
    for (const topic of [...Object.values(TOPICS), log.late, log.deadLetters, 'km.logs..v1', 'km.logs.A.v1', ''])
      assert.equal(freshLogOfTopic(topic), undefined, topic)
    for (const schema of ['public', 'fresh', 'fresh_', 'fresh__a', 'freshwater', 'fresh_A'])
      assert.equal(freshLogNameOfSchema(schema), undefined, schema)
  })

  it('keep late and dead records out of the topics of the live log', () => {
    const { topic, late, deadLetters } = freshLogOf('access')
    assert.deepEqual([sideTopicsOf(topic).late, sideTopicsOf(topic).deadLetters], [late, deadLetters])
    assert.equal(sideTopicsOf(TOPICS.clicks).late, TOPICS.late)
    assert.equal(sideTopicsOf(TOPICS.purchases).deadLetters, TOPICS.deadLetters)
  })

  it('come from any file', () =>
    fc.assert(fc.property(fc.string(), (file) => assert.match(freshLogNameOfFile(file), FRESH_LOG_NAME))))

  for (const [file, name] of [
    ['/var/log/nginx/access.log', 'access'],
    ['access.log.2.gz', 'access'],
    ['access.log-20261006.gz', 'access'],
    ['Shop_Access (old).LOG', 'shop-access-old'],
    ['C:\\logs\\u_ex261006.log', 'u-ex261006'],
    ['-', 'log'],
    ['.gz', 'gz'],
  ] as const)
    it(`calls ${file} ${name}`, () => assert.equal(freshLogNameOfFile(file), name))
})
