import assert from 'node:assert/strict'
import { whyAnotherLog } from '../../../domain/log-identity.js'

const AT = new Date('2026-10-01T00:00:00Z')
const LOG = { low: 0, high: 100, firstLater: undefined }

describe('whyAnotherLog', () => {
  it('says nothing of the log that a checkpoint stands on', () => {
    assert.equal(whyAnotherLog({ nextOffset: 100, lastAppendTs: AT }, LOG), undefined)
    assert.equal(whyAnotherLog({ nextOffset: 50, lastAppendTs: AT }, { ...LOG, firstLater: 50 }), undefined)
    assert.equal(whyAnotherLog({ nextOffset: 50, lastAppendTs: null }, { ...LOG, firstLater: 0 }), undefined)
  })

  it('knows another one by its end, or by later records in front of the checkpoint', () => {
    assert.match(whyAnotherLog({ nextOffset: 101, lastAppendTs: AT }, LOG) ?? '', /ends at 100/)
    assert.match(whyAnotherLog({ nextOffset: 50, lastAppendTs: AT }, { ...LOG, firstLater: 49 }) ?? '', /from 49 on/)
  })

  it('says nothing of records that Kafka has no more', () => {
    assert.equal(whyAnotherLog({ nextOffset: 50, lastAppendTs: AT }, { ...LOG, low: 50, firstLater: 0 }), undefined)
  })
})
