// What the cache takes from responses that contradict what it knows.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetadataCache } from '../../src/cluster-client/metadata-cache.ts'

const response = (leaderId: number, leaderEpoch: number, id: number) => ({
  errorCode: 0,
  name: 't',
  topicId: new Uint8Array(16).fill(id),
  isInternal: false,
  topicAuthorizedOperations: 0,
  partitions: [
    {
      errorCode: 0,
      partitionIndex: 0,
      leaderId,
      leaderEpoch,
      replicaNodes: [1],
      isrNodes: [1],
      offlineReplicas: [],
    },
  ],
})

const knowsNode = (nodeId: number): boolean => nodeId > 0

// A topic was made again on brokers without topic ids while it had no leader: its epochs began at
// 0, and every response was taken for an old one for ever (simulator seed 2003092).
test('without topic ids an older epoch is accepted where no leader is known', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(-1, 1, 0), knowsNode)
  const view = cache.apply('t', response(3, 0, 0), knowsNode)
  assert.deepEqual(view.partitions, [{ leaderId: 3, leaderEpoch: 0 }])
})

test('with a topic id, or with a leader known, an older epoch is not accepted', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(-1, 1, 7), knowsNode)
  assert.deepEqual(cache.apply('t', response(3, 0, 7), knowsNode).partitions[0]!.leaderId, -1)
  const other = new MetadataCache()
  other.apply('t', response(2, 1, 0), knowsNode)
  assert.deepEqual(other.apply('t', response(3, 0, 0), knowsNode).partitions[0]!.leaderId, 2)
})

// A topic was deleted and made again between two responses: its new leaders, with epochs from 0,
// were taken for old news for ever, and every batch went to a broker that led it no more (simulator
// seed 100000498).
test('without topic ids an older epoch is accepted once brokers keep returning it', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 2, 0), knowsNode)
  const recorded = Array.from({ length: 6 }, () => {
    const [partition] = cache.apply('t', response(3, 0, 0), knowsNode).partitions
    return partition!.leaderId
  })
  assert.deepEqual(recorded, [2, 2, 2, 2, 3, 3])
})

test('one response that is up to date ends the doubt about a leader', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 2, 0), knowsNode)
  for (let round = 0; round < 20; round++) {
    const epoch = round % 4 === 3 ? 2 : 1
    const view = cache.apply('t', response(epoch === 2 ? 2 : 1, epoch, 0), knowsNode)
    assert.equal(view.partitions[0]!.leaderId, 2)
  }
})
