import assert from 'node:assert/strict'
import fc from 'fast-check'
import kafkajs from 'kafkajs'
import { keyPartition } from '../../../../platform/kafka/key-partition.js'

describe('keyPartition', () => {
  it('puts a key where the Kafka client puts it', () => {
    const clientsOwn = kafkajs.Partitioners.DefaultPartitioner()
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.integer({ min: 1, max: 50 }), (key, count) => {
        const partitionMetadata = Array.from({ length: count }, (_, partitionId) => ({
          ...{ partitionId, leader: 0, replicas: [], isr: [], partitionErrorCode: 0 },
        }))
        const expected = clientsOwn({ topic: 't', partitionMetadata, message: { key, value: null } })
        assert.equal(keyPartition(key, count), expected)
      }),
      { numRuns: 2_000 },
    )
  })
})
