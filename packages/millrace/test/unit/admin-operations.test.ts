// What an operator does by Admin, on the in-process cluster: topics, settings, records, groups and
// transactions are looked at and changed, and what is wrong is rejected by name.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Admin, Producer, type ProducerOptions, type ReadRecordsOptions } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

const startStage = async () => {
  const cluster = await startCluster({ nodes: 3, topics: { orders: 3, other: 1 } })
  const options: ProducerOptions = { brokers: cluster.brokers, logger: silent, onError() {} }
  const admin = new Admin(options)
  return {
    cluster,
    admin,
    options,
    [Symbol.asyncDispose]: async () => {
      await admin.close()
      await cluster.close()
    },
  }
}

const read = async (
  admin: Admin,
  topic: string,
  options: ReadRecordsOptions = {},
): Promise<string[]> => {
  const values: string[] = []
  for await (const records of admin.readRecords(topic, { until: 'latest', ...options })) {
    for (const { partition, offset, value } of records) {
      values.push(`${partition}:${offset}=${value}`)
    }
  }
  return values.sort()
}

test('an admin adds partitions, changes settings, deletes records and deletes topics', async () => {
  await using stage = await startStage()
  const { admin, cluster, options } = stage
  await admin.createPartitions('orders', 5)
  assert.equal((await admin.describeTopic('orders')).partitions, 5)
  await assert.rejects(admin.createPartitions('orders', 5), { brokerError: 'INVALID_PARTITIONS' })
  await assert.rejects(admin.createPartitions('orders', 0), {
    message: /totalCount must be a whole number from 1 to 2147483647, got 0/,
  })

  const orders = { type: 'topic', name: 'orders' } as const
  const settings = async (): Promise<string[]> =>
    (await admin.describeTopic('orders')).settings
      .filter(({ source }) => source === 'topic')
      .map(({ name, value }) => `${name}=${value}`)
  await admin.incrementalAlterConfigs(orders, [
    { name: 'retention.bytes', operation: 'set', value: '1000000' },
    { name: 'cleanup.policy', operation: 'append', value: 'compact' },
  ])
  const changed = ['cleanup.policy=delete,compact', 'retention.bytes=1000000']
  assert.deepEqual(await settings(), changed)
  const wrong = [{ name: 'retention.bytes', operation: 'set', value: 'many' }] as const
  await assert.rejects(admin.incrementalAlterConfigs(orders, wrong), {
    brokerError: 'INVALID_CONFIG',
  })
  const dry = [{ name: 'retention.bytes', operation: 'delete' }] as const
  await admin.incrementalAlterConfigs(orders, dry, { validateOnly: true })
  assert.deepEqual(await settings(), changed)
  await admin.incrementalAlterConfigs(orders, [
    ...dry,
    { name: 'cleanup.policy', operation: 'subtract', value: 'compact' },
  ])
  assert.deepEqual(await settings(), ['cleanup.policy=delete'])

  await using producer = new Producer(options)
  for (let index = 0; index < 6; index++) {
    await producer.send({ topic: 'orders', partition: 0, value: `v${index}` })
  }
  const gone = await admin.deleteRecords('orders', new Map([[0, 4]]))
  assert.deepEqual([...gone], [[0, 4]])
  assert.deepEqual(await read(admin, 'orders'), ['0:4=v4', '0:5=v5'])
  assert.deepEqual([...(await admin.listOffsets('orders', 'earliest'))].slice(0, 2), [
    [0, 4],
    [1, 0],
  ])
  await assert.rejects(admin.deleteRecords('orders', new Map([[0, 99]])), {
    brokerError: 'OFFSET_OUT_OF_RANGE',
  })
  await assert.rejects(admin.deleteRecords('orders', new Map([[7, 0]])), {
    code: 'UNKNOWN_PARTITION',
    message: /partition must be one of the 5 of orders, got 7/,
  })
  await admin.deleteRecords('orders', new Map([[0, -1]]))
  assert.deepEqual(await read(admin, 'orders'), [])

  await admin.deleteTopic('orders')
  assert.deepEqual(
    (await admin.listTopics()).map(({ name }) => name),
    ['other'],
  )
  await assert.rejects(admin.deleteTopic('orders'), { code: 'UNKNOWN_TOPIC' })
  assert.ok(cluster.brokers.length === 3)
})

test('an admin describes the cluster and the offsets of groups', async () => {
  await using stage = await startStage()
  const { admin, cluster, options } = stage
  const described = await admin.describeCluster()
  assert.match(described.clusterId ?? '', /^[\w-]{22}$/)
  assert.deepEqual(
    described.brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`]),
    cluster.brokers.map((address, index) => [index + 1, address]),
  )
  assert.deepEqual(await admin.listConsumerGroups(), [])
  await using producer = new Producer({ ...options, transactionalId: 'tx' })
  await producer.transaction(async (transaction) => {
    const offsets = [
      { topic: 'other', partition: 0, offset: 0, metadata: 'm' },
      { topic: 'orders', partition: 2, offset: 0 },
    ]
    await transaction.sendOffsets(offsets, 'readers')
  })
  const [group] = await admin.listConsumerGroups()
  assert.deepEqual([group?.groupId, group?.state, group?.type], ['readers', 'Empty', 'classic'])
  const offsets = await admin.listConsumerGroupOffsets('readers')
  assert.deepEqual(
    offsets.map(({ topic, partition, offset, metadata }) => [topic, partition, offset, metadata]),
    [
      ['orders', 2, 0, ''],
      ['other', 0, 0, 'm'],
    ],
  )
  assert.deepEqual(await admin.listConsumerGroupOffsets('missing'), [])
})

test('an admin finds and aborts an open transaction: consumers continue', async () => {
  await using stage = await startStage()
  const { admin, options } = stage
  await using producer = new Producer({ ...options, transactionalId: 'tx-1' })
  const transaction = await producer.beginTransaction()
  await transaction.send({ topic: 'other', value: 'open' })
  await using plain = new Producer(options)
  await plain.send({ topic: 'other', value: 'behind' })
  assert.deepEqual(await read(admin, 'other'), [])
  assert.deepEqual(
    (await admin.listTransactions()).map(({ transactionalId, state }) => [transactionalId, state]),
    [['tx-1', 'Ongoing']],
  )
  const described = await admin.describeTransaction('tx-1')
  assert.deepEqual(described?.partitions, [{ topic: 'other', partition: 0 }])
  assert.ok(described.startedAt !== null && described.timeoutMs > 0)
  const producers = (await admin.describeProducers('other')).get(0)
  assert.equal(
    producers?.find(({ producerId }) => producerId === described.producerId)
      ?.transactionStartOffset,
    0,
  )
  assert.deepEqual(await admin.findHangingTransactions(), [], 'it is not old enough')
  const [found] = await admin.findHangingTransactions({ topic: 'other', idleMs: 0 })
  assert.deepEqual([found?.topic, found?.partition, found?.transactionStartOffset], ['other', 0, 0])
  assert.equal(found?.coordinator?.transactionalId, 'tx-1')
  await assert.rejects(admin.abortHangingTransaction(found!), {
    code: 'INVALID_STATE',
    message: /unknown to its coordinator, .*transactional id "tx-1"/,
  })
  await admin.abortTransaction('tx-1')
  assert.deepEqual(await read(admin, 'other'), ['0:1=behind'])
  await assert.rejects(transaction.commit())
  await assert.rejects(admin.abortTransaction('tx-1'), { code: 'INVALID_STATE' })
  await assert.rejects(admin.abortTransaction('tx-2'), { code: 'INVALID_ARGUMENT' })
  assert.equal(await admin.describeTransaction('tx-2'), null)
  await assert.rejects(
    admin.abortHangingTransaction({ topic: 'other', partition: 0, transactionStartOffset: 7 }),
    { message: /got 7: the partition has no open transaction/ },
  )
})

test('records are read between the given offsets, and new records are followed', async () => {
  await using stage = await startStage()
  const { admin, options } = stage
  await using producer = new Producer(options)
  for (let index = 0; index < 5; index++) {
    await producer.send({ topic: 'other', value: `v${index}`, timestamp: 1000 + index * 10 })
  }
  const all = ['0:0=v0', '0:1=v1', '0:2=v2', '0:3=v3', '0:4=v4']
  assert.deepEqual(await read(admin, 'other'), all)
  assert.deepEqual(await read(admin, 'other', { from: 3 }), all.slice(3))
  assert.deepEqual(await read(admin, 'other', { from: -2 }), all.slice(3))
  assert.deepEqual(await read(admin, 'other', { from: { timestamp: 1025 } }), all.slice(3))
  assert.deepEqual(await read(admin, 'other', { until: 2 }), all.slice(0, 2))
  assert.deepEqual(await read(admin, 'other', { until: { timestamp: 1020 } }), all.slice(0, 2))
  assert.deepEqual(await read(admin, 'other', { from: 'latest' }), [])
  await admin.deleteRecords('other', new Map([[0, 2]]))
  const gaps: unknown[] = []
  const onSkipped = (gap: unknown): void => {
    gaps.push(gap)
  }
  assert.deepEqual(await read(admin, 'other', { from: 0, onSkipped }), all.slice(2))
  assert.deepEqual(gaps, [{ partition: 0, fromOffset: 0, toOffset: 2 }])

  const abort = new AbortController()
  const followed: string[] = []
  const { signal } = abort
  const follow = async (): Promise<void> => {
    for await (const records of admin.readRecords('other', { from: 'latest', signal })) {
      for (const { value } of records) followed.push(String(value))
      if (followed.length === 3) abort.abort()
    }
  }
  const fetches = (): number => stage.cluster.requests.Fetch ?? 0
  const before = fetches()
  const following = assert.rejects(follow(), { code: 'ABORTED' })
  while (fetches() === before) await stage.admin.listTopics()
  await producer.send({ topic: 'other', value: 'new' })
  await stage.cluster.node(1).stop()
  await stage.cluster.node(2).stop()
  await producer.send({ topic: 'other', value: 'moved' })
  await producer.send({ topic: 'other', value: 'last' })
  await following
  assert.deepEqual(followed, ['new', 'moved', 'last'])
})

// It continued at the offset of the old topic: the first records of the new one were skipped.
test('reading ends where its topic was deleted and created again', async () => {
  await using stage = await startStage()
  const { admin, options } = stage
  const send = async (values: readonly string[]): Promise<void> => {
    await using producer = new Producer(options)
    await producer.sendBatch(values.map((value) => ({ topic: 'other', value })))
  }
  await send(['old', 'old'])
  const reading = admin.readRecords('other')
  assert.equal((await reading.next()).value?.length, 2)
  await admin.deleteTopic('other')
  await admin.createTopic({ name: 'other', partitions: 1 })
  await send(['a', 'b', 'c', 'd'])
  await assert.rejects(reading.next(), {
    code: 'INVALID_STATE',
    message: 'Topic other was deleted and created again while it was read: read it again',
  })
})

// While the caller was busy, each step of its loop sent another request to every leader, and
// what came was kept: a slow reader of a large topic ran out of memory.
test('a busy reader has one response of each leader waiting at most', async () => {
  await using stage = await startStage()
  const { admin, options, cluster } = stage
  await using producer = new Producer(options)
  const value = 'x'.repeat(400_000)
  for (let index = 0; index < 30; index++) {
    await producer.send({ topic: 'orders', partition: index % 3, value })
  }
  let count = 0
  for await (const records of admin.readRecords('orders', { until: 'latest' })) {
    count += records.length
    for (let turn = 0; turn < 10; turn++) await admin.listTopics()
    const handedOver = Math.ceil(count / 3)
    assert.ok((cluster.requests.Fetch ?? 0) <= handedOver + 2 * 3, `${count} records`)
  }
  assert.equal(count, 30)
})

test('invalid arguments are rejected with what they must be', async () => {
  await using stage = await startStage()
  const { admin } = stage
  const read = (options: object) =>
    admin.readRecords('orders', options as ReadRecordsOptions).next()
  await assert.rejects(read({ from: 'begin' }), {
    message: /from must be earliest, latest, an offset or \{ timestamp \}, got "begin"/,
  })
  await assert.rejects(read({ until: -1 }), { message: /until must be a whole number from 0/ })
  await assert.rejects(read({ from: 7 }), {
    message: 'from must be an offset up to 0, where orders ends, got 7',
  })
  await assert.rejects(read({ partitions: [9] }), { code: 'UNKNOWN_PARTITION' })
  await assert.rejects(admin.readRecords('nope').next(), { code: 'UNKNOWN_TOPIC' })
  await assert.rejects(admin.findHangingTransactions({ partition: 0 }), {
    message: 'topic must be set where partition is set',
  })
  const change = { name: 'a', operation: 'replace', value: '1' } as never
  await assert.rejects(admin.incrementalAlterConfigs({ type: 'topic', name: 'orders' }, [change]), {
    message: /operation must be one of set, delete, append, subtract, got "replace"/,
  })
})

test('arguments that cannot be sent are rejected by name, and nothing is requested', async () => {
  await using stage = await startStage()
  const { admin, cluster } = stage
  const orders = { type: 'topic', name: 'orders' }
  const throwing = {
    get name(): string {
      throw new Error('boom')
    },
  }
  const calls: [string, readonly unknown[], RegExp][] = [
    ['createTopic', [null], /the topic must be an object, got null/],
    ['createTopic', [throwing], /the topic could not be read: boom/],
    ['createTopic', [{ name: 'n', numPartitions: 6 }], /"numPartitions".*mean "partitions"\?/],
    ['createTopic', [{ name: 'n', partitions: Number.NaN }], /partitions must be .*, got NaN/],
    ['createTopic', [{ name: 'n', partitions: 2 ** 40 }], /partitions must be .* 2147483647, got/],
    [
      'createTopic',
      [{ name: 'n', replicationFactor: 99_999 }],
      /replicationFactor must be .*32767/,
    ],
    ['createTopic', [{ name: 'n', config: new Map([['a', 'b']]) }], /config must be .*, got Map/],
    ['createTopic', [{ name: 'n', config: 'abc' }], /config must be .*, got "abc"/],
    ['createTopic', [{ name: 'n', config: { a: 5 } }], /config\["a"\] must be a string, got 5/],
    ['describeTopic', [''], /name must be a text that is not empty, got ""/],
    ['incrementalAlterConfigs', [null, []], /the resource must be an object, got null/],
    ['incrementalAlterConfigs', [orders, null], /changes must be an array, got null/],
    ['incrementalAlterConfigs', [orders, [null]], /a change of a setting must be an object/],
    ['incrementalAlterConfigs', [orders, [], null], /options must be an object, got null/],
    ['incrementalAlterConfigs', [orders, [], { validateOnly: 'no' }], /validateOnly .*, got "no"/],
    ['deleteRecords', ['orders', { 0: 5 }], /beforeOffsets must be a Map, got Object/],
    ['listOffsets', ['orders', 'latest', null], /options must be an object, got null/],
    ['listOffsets', ['orders', 'latest', { isolation: 'x' }], /isolation must be one of .*"x"/],
    ['listOffsets', ['orders', 5n], /timestamp must be .*, got undefined/],
    ['findHangingTransactions', [null], /what must be an object, got null/],
    ['abortHangingTransaction', [null], /transaction must be an object, got null/],
    ['listTopics', [{ timeoutMs: '5' }], /timeoutMs must be milliseconds from 0, got "5"/],
  ]
  for (const [name, args, message] of calls) {
    const call = admin[name as 'listTopics'] as (...args: unknown[]) => Promise<unknown>
    await assert.rejects(call.apply(admin, [...args]), { code: 'INVALID_ARGUMENT', message }, name)
  }
  const reads: [unknown, RegExp][] = [
    [null, /options must be an object, got null/],
    [{ isolationLevel: 1 }, /Unknown option "isolationLevel".*did you mean "isolation"\?/],
    [{ isolation: 'x' }, /isolation must be one of/],
    [{ partitions: 0 }, /partitions must be an array, got 0/],
  ]
  for (const [options, message] of reads) {
    const reading = admin.readRecords('orders', options as ReadRecordsOptions)
    await assert.rejects(reading.next(), { code: 'INVALID_ARGUMENT', message })
  }
  assert.equal(cluster.requests.Metadata, 0)
})

test('an offset that stays out of range is requested with a backoff', async () => {
  await using stage = await startStage()
  const { admin, cluster } = stage
  cluster.fault({ api: 'Fetch', error: 'OFFSET_OUT_OF_RANGE', count: Number.POSITIVE_INFINITY })
  const abort = new AbortController()
  const reading = admin.readRecords('other', { signal: abort.signal }).next()
  reading.catch(() => {})
  while ((cluster.requests.Fetch ?? 0) < 3) await admin.listTopics()
  for (let turn = 0; turn < 200; turn++) await admin.listTopics()
  assert.ok((cluster.requests.Fetch ?? 0) < 30, `${cluster.requests.Fetch} requests`)
  abort.abort()
  await assert.rejects(reading, { code: 'ABORTED' })
})
