// What partitioners do where no key decides: records without a key, partitions without a leader,
// functions of the user.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CustomPartitioner } from '../../src/engine/partitioner/custom-partitioner.ts'
import type { PartitionerName } from '../../src/engine/partitioner/partitioner.ts'
import { createPartitioner, partitionerNames } from '../../src/engine/partitioner/partitioner.ts'
import type {
  Partitioner,
  PartitionerTopic,
} from '../../src/engine/partitioner/partitioner-contract.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { seededRandom } from '../../src/runtime/random.ts'

const noBytes = new Uint8Array(0)
const topicOf = (
  partitionCount: number,
  available: readonly number[] = [],
  loads: readonly number[] = [],
): PartitionerTopic => ({
  name: 'orders',
  partitionCount,
  available,
  preferred: available,
  loadOf: (partition) => loads[partition] ?? 0,
})
const keyless = (partitioner: Partitioner, topic: PartitionerTopic, recordBytes = 100): number =>
  partitioner.partition(topic, noBytes, -1, -1, recordBytes)
const keyed = (partitioner: Partitioner, topic: PartitionerTopic, key: string): number => {
  const bytes = Buffer.from(key)
  return partitioner.partition(topic, bytes, 0, bytes.length, 100)
}
const thrownBy = (action: () => unknown): KafkaError => {
  try {
    action()
  } catch (error) {
    assert.ok(error instanceof KafkaError)
    return error
  }
  return assert.fail('it did not throw')
}

test('every partitioner returns a partition that exists, for any key and any topic', () => {
  const choosing = partitionerNames.filter((name) => name !== 'manual')
  fc.assert(
    fc.property(
      fc.constantFrom(...choosing),
      fc.integer(),
      fc.integer({ min: 1, max: 2000 }),
      fc.array(fc.option(fc.uint8Array({ maxLength: 40 })), { maxLength: 20 }),
      (name, seed, partitionCount, keys) => {
        const partitioner = createPartitioner(name, seededRandom(seed))()
        const topic = topicOf(partitionCount)
        for (const key of keys) {
          const partition =
            key === null
              ? keyless(partitioner, topic)
              : partitioner.partition(topic, key, 0, key.length, 100)
          assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitionCount)
        }
      },
    ),
  )
})

test('records without a key go only to partitions that have a leader', () => {
  const names = partitionerNames.filter((name) => name !== 'manual')
  for (const name of names) {
    const partitioner = createPartitioner(name, seededRandom(7), { stickyBytes: 150 })()
    const seen = new Set<number>()
    for (let count = 0; count < 200; count += 1) {
      seen.add(keyless(partitioner, topicOf(12, [3, 5, 11])))
    }
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [3, 5, 11],
      name,
    )
  }
})

test('a key stays at its partition when the partition loses its leader', () => {
  const names: PartitionerName[] = ['java', 'consistent_random', 'fnv1a', 'kafkajs_legacy']
  for (const name of names) {
    const partitioner = createPartitioner(name, seededRandom(7))()
    const before = keyed(partitioner, topicOf(12), 'order-1')
    const others = [...Array(12).keys()].filter((partition) => partition !== before)
    assert.equal(keyed(partitioner, topicOf(12, others), 'order-1'), before, name)
  }
})

test('an empty key is a key, but for consistent_random, which takes it for none', () => {
  const partitionsOf = (name: PartitionerName): number => {
    const partitioner = createPartitioner(name, seededRandom(7))()
    const seen = new Set<number>()
    for (let count = 0; count < 200; count += 1) seen.add(keyed(partitioner, topicOf(6), ''))
    return seen.size
  }
  assert.equal(partitionsOf('java'), 1)
  assert.equal(partitionsOf('fnv1a'), 1)
  assert.equal(partitionsOf('kafkajs_legacy'), 1)
  assert.equal(partitionsOf('consistent_random'), 6)
})

test('round_robin gives each partition its turn, whatever the key, from a random start', () => {
  const starts = new Set<number>()
  for (let seed = 0; seed < 40; seed += 1) {
    const partitioner = createPartitioner('round_robin', seededRandom(seed))()
    const first = keyless(partitioner, topicOf(5))
    starts.add(first)
    for (let count = 1; count < 11; count += 1) {
      const partition =
        count % 2 ? keyed(partitioner, topicOf(5), 'k') : keyless(partitioner, topicOf(5))
      assert.equal(partition, (first + count) % 5)
    }
  }
  assert.equal(starts.size, 5)
})

test('random and sticky ignore keys', () => {
  for (const name of ['random', 'sticky'] as const) {
    const partitioner = createPartitioner(name, seededRandom(3), { stickyBytes: 100 })()
    const seen = new Set<number>()
    for (let count = 0; count < 200; count += 1) seen.add(keyed(partitioner, topicOf(6), 'key'))
    assert.equal(seen.size, 6, name)
  }
})

test('a sticky run ends with the first batch that is sealed after it got its bytes', () => {
  const partitioner = createPartitioner('java', seededRandom(1), { stickyBytes: 1000 })()
  const topic = topicOf(6)
  const first = keyless(partitioner, topic, 400)
  partitioner.onBatchSealed?.(first)
  assert.equal(keyless(partitioner, topic, 500), first, 'sealed early: the run goes on')
  assert.equal(keyless(partitioner, topic, 200), first, 'it has its bytes, but the batch is open')
  partitioner.onBatchSealed?.((first + 1) % 6)
  assert.equal(
    keyless(partitioner, topic, 100),
    first,
    'a batch of another partition changes nothing',
  )
  partitioner.onBatchSealed?.(first)
  assert.notEqual(keyless(partitioner, topic, 100), first)
})

test('a sticky run ends at twice its bytes even when no batch is sealed', () => {
  const partitioner = createPartitioner('sticky', seededRandom(1), { stickyBytes: 1000 })()
  const topic = topicOf(6)
  const runs: number[] = []
  let last = -1
  for (let count = 0; count < 200; count += 1) {
    const partition = keyless(partitioner, topic, 100)
    if (partition === last) runs[runs.length - 1]! += 1
    else runs.push(1)
    last = partition
  }
  assert.deepEqual(runs, Array(10).fill(20))
})

test('sticky runs share the bytes evenly, however seldom a slow broker seals its batches', () => {
  const partitioner = createPartitioner('sticky', seededRandom(5), { stickyBytes: 1000 })()
  const topic = topicOf(3)
  const counts = [0, 0, 0]
  for (let count = 0; count < 60_000; count += 1) {
    const partition = keyless(partitioner, topic, 10)
    counts[partition]! += 1
    // Partitions 1 and 2 seal after every record, partition 0 hardly ever.
    if (partition !== 0 || count % 1000 === 0) partitioner.onBatchSealed?.(partition)
  }
  // KIP-794's bound: a run is between once and twice its bytes.
  assert.ok(counts[0]! < 2.4 * counts[1]!, `${counts}`)
})

test('a run goes to the partition with less to deliver of two, to any if they are equal', () => {
  const partitioner = createPartitioner('java', seededRandom(9), { stickyBytes: 100 })()
  const counts = [0, 0, 0, 0, 0, 0]
  const runs = (topic: PartitionerTopic): number[] => {
    counts.fill(0)
    for (let run = 0; run < 3000; run += 1) counts[keyless(partitioner, topic, 200)]! += 1
    return counts
  }
  const isNear = (count: number): boolean => count > 400 && count < 600
  assert.ok(runs(topicOf(6)).every(isNear), `${counts}`)
  // Up to four runs of difference are chance.
  assert.ok(runs(topicOf(6, [], [399, 0, 399, 0, 0, 399])).every(isNear), `${counts}`)
  // Partitions 1 and 4 take nothing: they get a run only when both are drawn.
  const [, one, , , four] = runs(topicOf(6, [], [0, 9000, 0, 0, 9000, 0]))
  assert.ok(one! + four! < 400, `${counts}`)
  // All hold much: the one that holds more still gets less.
  const [zero] = runs(topicOf(6, [], [9000, 5000, 5000, 5000, 5000, 5000]))
  assert.equal(zero, 0)
})

test('records without a key stay in the preferred partitions, and keys do not move', () => {
  const names = partitionerNames.filter((name) => name !== 'manual')
  const topic = { ...topicOf(12, [1, 2, 3, 4]), preferred: [2, 3] }
  for (const name of names) {
    const partitioner = createPartitioner(name, seededRandom(7), { stickyBytes: 150 })()
    const seen = new Set<number>()
    for (let count = 0; count < 200; count += 1) seen.add(keyless(partitioner, topic))
    assert.deepEqual(
      [...seen].sort((a, b) => a - b),
      [2, 3],
      name,
    )
  }
  const java = createPartitioner('java', seededRandom(7))()
  for (const key of ['a', 'b', 'c']) {
    assert.equal(keyed(java, topic, key), keyed(java, topicOf(12), key))
  }
})

test('a sticky partition that loses its leader, or is deleted, is changed at once', () => {
  const partitioner = createPartitioner('sticky', seededRandom(1))()
  const first = keyless(partitioner, topicOf(6))
  const others = [0, 1, 2, 3, 4, 5].filter((partition) => partition !== first)
  const second = keyless(partitioner, topicOf(6, others))
  assert.notEqual(second, first)
  assert.equal(keyless(partitioner, topicOf(6)), second, 'news that do not concern it: it stays')
  assert.equal(keyless(partitioner, topicOf(1)), 0)
})

test('two topics of one factory do not share their state', () => {
  const create = createPartitioner('round_robin', seededRandom(1))
  const [one, other] = [create(), create()]
  const first = keyless(one, topicOf(100))
  for (let count = 0; count < 7; count += 1) keyless(other, topicOf(100))
  assert.equal(keyless(one, topicOf(100)), (first + 1) % 100)
})

test('manual requires the partition of the record, naming topic and bounds', () => {
  const error = thrownBy(() => keyless(createPartitioner('manual', seededRandom(1))(), topicOf(6)))
  assert.equal(error.code, 'INVALID_ARGUMENT')
  assert.equal(error.topic, 'orders')
  assert.match(error.message, /record\.partition must be .* 0 to 5 .*"orders"/)
})

test('a name that does not exist is a usage error that lists the names', () => {
  const error = thrownBy(() => createPartitioner('murmur' as PartitionerName, seededRandom(1)))
  assert.equal(error.code, 'INVALID_OPTION')
  assert.match(error.message, /one of java, consistent_random, .*, got "murmur"/)
})

test('a function gets topic, key and partitions, and its result is used', () => {
  const inputs: unknown[] = []
  const partitioner = createPartitioner((input) => {
    inputs.push({ ...input, key: input.key === null ? null : Buffer.from(input.key).toString() })
    return 4
  }, seededRandom(1))()
  const bytes = Buffer.from('..key..')
  assert.equal(partitioner.partition(topicOf(6, [1, 4]), bytes, 2, 5, 100), 4)
  assert.equal(keyless(partitioner, topicOf(5)), 4)
  assert.deepEqual(inputs, [
    { topic: 'orders', key: 'key', partitionCount: 6, availablePartitions: [1, 4] },
    { topic: 'orders', key: null, partitionCount: 5, availablePartitions: [0, 1, 2, 3, 4] },
  ])
})

test('a wrong result of a function is a usage error naming topic, value and bound', () => {
  const bad: unknown[] = [Number.NaN, -1, 6, 1.5, '1', undefined, null, 1n, Promise.resolve(1)]
  for (const value of bad) {
    const choose = (() => value) as CustomPartitioner
    const partitioner = createPartitioner(choose, seededRandom(1))()
    const error = thrownBy(() => keyless(partitioner, topicOf(6)))
    assert.equal(error.code, 'INVALID_ARGUMENT')
    assert.equal(error.kind, 'usage')
    assert.equal(error.topic, 'orders')
    assert.match(error.message, /a whole number from 0 to 5 for topic "orders", got /)
  }
})

test('a function that returns -0 means partition 0', () => {
  const partitioner = createPartitioner(() => -0, seededRandom(1))()
  assert.ok(Object.is(keyless(partitioner, topicOf(6)), 0))
})

test('what a function throws becomes the cause of a usage error', () => {
  const cause = new Error('no such tenant')
  const partitioner = createPartitioner(() => {
    throw cause
  }, seededRandom(1))()
  const error = thrownBy(() => keyless(partitioner, topicOf(6)))
  assert.equal(error.code, 'INVALID_ARGUMENT')
  assert.equal(error.cause, cause)
  assert.match(error.message, /threw for topic "orders": no such tenant/)
})
