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

test('one response that is up to date makes a leader certain again', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 2, 0), knowsNode)
  for (let round = 0; round < 20; round++) {
    const epoch = round % 4 === 3 ? 2 : 1
    const view = cache.apply('t', response(epoch === 2 ? 2 : 1, epoch, 0), knowsNode)
    assert.equal(view.partitions[0]!.leaderId, 2)
  }
})

const highest = 2 ** 31 - 1
/** More responses than a cache ignores. */
const manyResponses = 50

// One response with a wrong epoch: every later one was always taken for an old one.
test('an epoch that is too high is dropped once its leader has rejected batches', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, highest, 7), knowsNode)
  const leaders = Array.from({ length: 6 }, () => {
    cache.rejectLeader('t', 0)
    return cache.apply('t', response(3, 4, 7), knowsNode).partitions[0]
  })
  const wrong = { leaderId: 2, leaderEpoch: highest }
  const right = { leaderId: 3, leaderEpoch: 4 }
  assert.deepEqual(leaders, [wrong, wrong, wrong, wrong, right, right])
})

test('an epoch of a leader hint that is too high is dropped in the same way', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(3, 4, 7), knowsNode)
  const hint = { topic: 't', partition: 0, leaderId: 2, leaderEpoch: highest, endpoint: null }
  assert.equal(cache.applyHint(hint)?.partitions[0]?.leaderId, 2)
  for (let round = 0; round < 5; round++) {
    cache.rejectLeader('t', 0)
    cache.apply('t', response(3, 4, 7), knowsNode)
  }
  assert.deepEqual(cache.view('t')?.partitions, [{ leaderId: 3, leaderEpoch: 4 }])
})

test('an epoch that is too high is dropped if its leader is not in the cluster', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, highest, 7), knowsNode)
  const knowsOthers = (nodeId: number): boolean => nodeId !== 2 && knowsNode(nodeId)
  const leaders = Array.from({ length: 5 }, () => {
    const [partition] = cache.apply('t', response(3, 4, 7), knowsOthers).partitions
    return partition!.leaderId
  })
  assert.deepEqual(leaders, [-1, -1, -1, -1, 3])
})

// A broker that lost its controller names itself as the leader, and accepts batches that are lost.
test('a leader that accepts batches is kept, however often a response has an older epoch', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 5, 7), knowsNode)
  cache.rejectLeader('t', 0)
  for (let round = 0; round < manyResponses; round++) {
    const [partition] = cache.apply('t', response(3, 4, 7), knowsNode).partitions
    assert.deepEqual(partition, { leaderId: 2, leaderEpoch: 5 })
  }
})

test('a response with the known epoch makes a leader that rejected batches certain again', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 5, 7), knowsNode)
  for (let round = 0; round < manyResponses; round++) {
    cache.rejectLeader('t', 0)
    const isUpToDate = round % 4 === 3
    const [partition] = cache.apply('t', response(2, isUpToDate ? 5 : 4, 7), knowsNode).partitions
    assert.deepEqual(partition, { leaderId: 2, leaderEpoch: 5 })
  }
})

// One response with 1,000 partitions of a topic that has one: the others were kept forever.
test('partitions that no response has any more are dropped once their leader has rejected', () => {
  const cache = new MetadataCache()
  const one = response(2, 5, 7)
  const [partition] = one.partitions
  const partitions = [0, 1, 2, 3].map((partitionIndex) => ({ ...partition!, partitionIndex }))
  cache.apply('t', { ...one, partitions }, knowsNode)
  const counts = Array.from({ length: 6 }, () => {
    cache.rejectLeader('t', 2)
    return cache.apply('t', one, knowsNode).partitions.length
  })
  assert.deepEqual(counts, [4, 4, 4, 4, 2, 2])
  for (let round = 0; round < manyResponses; round++) {
    assert.equal(cache.apply('t', one, knowsNode).partitions.length, 2)
  }
})

test('a rejection of a topic or partition that is not known is not kept', () => {
  const cache = new MetadataCache()
  cache.apply('t', response(2, 5, 7), knowsNode)
  cache.rejectLeader('other', 0)
  cache.rejectLeader('t', 9)
  for (let round = 0; round < 10; round++) cache.apply('t', response(3, 4, 7), knowsNode)
  assert.equal(cache.view('t')?.partitions[0]?.leaderId, 2)
})
