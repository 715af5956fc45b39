// Foreign clients against the in-process cluster: kcat and Kafka's own Java clients and tools write
// to it and read from it as from any Kafka. It shares its codec with our producer, so these are the
// judges.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startCluster, type TestCluster } from '../../src/testing.ts'
import { runChecked, runCommand } from './fixture/commands.ts'
import {
  javaAdmin,
  javaConsume,
  javaProduce,
  kcatConsume,
  kcatPath,
  kcatProduce,
} from './fixture/index.ts'
import { classPath } from './fixture/libraries.ts'

const toolTimeoutMs = 90_000

/** The last release whose command line tools fit its clients. */
const toolsKafka = '4.3.1'

/** One of Kafka's command line tools; what it printed. */
const kafkaTool = async (
  mainClass: string,
  args: readonly string[],
  input = '',
): Promise<string> => {
  const path = await classPath(toolsKafka)
  const settings = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', path]
  const options = { input, timeoutMs: toolTimeoutMs }
  const { stdout } = await runChecked('java', [...settings, mainClass, ...args], options)
  return stdout.toString()
}

const keyed = (count: number): { key: string; value: string }[] =>
  Array.from({ length: count }, (_, index) => ({
    key: `key-${index % 7}`,
    value: `value-${index}`,
  }))

const sorted = (lines: readonly string[]): string[] => [...lines].sort()

describe('the in-process cluster, judged by foreign clients', () => {
  let cluster: TestCluster
  let brokers: string[]
  before(async () => {
    cluster = await startCluster({ nodes: 3, defaultPartitions: 3 })
    brokers = cluster.brokers
  })
  after(() => cluster.close())

  for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
    it(`kcat writes with ${codec}, idempotent, and kcat and Java read it`, async () => {
      const topic = `kcat-${codec}`
      cluster.createTopic(topic, 3)
      const properties = { 'compression.codec': codec, 'enable.idempotence': 'true' }
      const records = keyed(500)
      await kcatProduce({ brokers, topic, properties }, records)
      const wanted = sorted(records.map(({ key, value }) => `${key} ${value}`))
      const byKcat = await kcatConsume({ brokers, topic })
      assert.deepEqual(sorted(byKcat.map(({ key, value }) => `${key} ${value}`)), wanted)
      const byJava = await javaConsume({ brokers, topic })
      assert.deepEqual(sorted(byJava.map(({ key, value }) => `${key} ${value}`)), wanted)
      const ours = cluster.records(topic)
      assert.deepEqual(sorted(ours.map(({ key, value }) => `${key} ${value}`)), wanted)
      assert.ok(ours.every((record) => record.producerId >= 0))
    })
  }

  it('Java writes nulls, empty values, binary and headers; all readers agree', async () => {
    cluster.createTopic('odd', 2)
    const headers = [
      ['a', Buffer.from([0, 255])],
      ['a', null],
    ] as const
    const sent = await javaProduce({
      brokers,
      topic: 'odd',
      records: [
        { partition: 0, key: null, value: 'one', headers, timestamp: 1_700_000_000_000 },
        { partition: 1, key: Buffer.from([10, 0, 255]), value: null },
        { partition: 0, key: '', value: '' },
      ],
    })
    assert.deepEqual(sent.at(-1), { partition: 0, offset: 1 })
    const plain = ({
      partition,
      offset,
      timestamp,
      key,
      value,
    }: {
      partition: number
      offset: number
      timestamp: number
      key: Buffer | null
      value: Buffer | null
    }) => [partition, offset, timestamp, key?.toString('hex'), value?.toString('hex')].join(' ')
    const ours = cluster.records('odd')
    const byJava = await javaConsume({ brokers, topic: 'odd' })
    const byKcat = await kcatConsume({ brokers, topic: 'odd' })
    assert.deepEqual(sorted(byJava.map(plain)), ours.map(plain))
    assert.deepEqual(sorted(byKcat.map(plain)), ours.map(plain))
    const first = byJava.find(({ partition, offset }) => partition === 0 && offset === 0)
    assert.deepEqual(first?.headers, headers)
    assert.deepEqual(ours[0]?.headers, headers)
  })

  it("Java's console consumer joins a group and reads a topic from the beginning", async () => {
    cluster.createTopic('console', 3)
    const records = keyed(200)
    await kcatProduce({ brokers, topic: 'console' }, records)
    const printed = await kafkaTool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
      ...['--bootstrap-server', brokers[0]!, '--topic', 'console', '--from-beginning'],
      ...['--max-messages', '200', '--timeout-ms', '60000'],
    ])
    const values = records.map(({ value }) => value)
    assert.deepEqual(sorted(printed.trim().split('\n')), sorted(values))
    assert.ok((cluster.requests.JoinGroup ?? 0) > 0, 'it read as a member of a group')
  })

  it("Java's console producer writes to a topic that is made at first use", async () => {
    const lines = Array.from({ length: 100 }, (_, index) => `line ${index}`)
    const args = ['--bootstrap-server', brokers[0]!, '--topic', 'made']
    const input = `${lines.join('\n')}\n`
    await kafkaTool('org.apache.kafka.tools.ConsoleProducer', args, input)
    const values = cluster.records('made').map((record) => String(record.value))
    assert.deepEqual(sorted(values), sorted(lines))
    assert.equal(cluster.partitions('made').length, 3)
  })

  it('two kcat consumers of a group share a topic; the group keeps what they read', async () => {
    cluster.createTopic('shared', 4)
    await kcatProduce({ brokers, topic: 'shared' }, keyed(400))
    const kcat = await kcatPath()
    const settings = ['auto.offset.reset=earliest', 'enable.auto.offset.store=true']
    const args = [
      ...['-b', brokers[0]!, '-G', 'readers', '-q', '-e'],
      ...settings.flatMap((setting) => ['-X', setting]),
      'shared',
    ]
    const read = async (): Promise<string[]> => {
      const { stdout } = await runCommand(kcat!, args, { timeoutMs: toolTimeoutMs })
      return stdout.toString().split('\n').filter(Boolean)
    }
    const [one, two] = await Promise.all([read(), read()])
    const again = await read()
    assert.deepEqual(
      sorted([...new Set([...one, ...two])]),
      sorted(keyed(400).map(({ value }) => value)),
    )
    assert.deepEqual(again, [])
  })

  it("Java's admin client makes, describes and deletes topics, and finds offsets", async () => {
    const admin = javaAdmin({ brokers })
    const configs = { 'cleanup.policy': 'compact' }
    await admin.createTopic('by-admin', { partitions: 3, replicationFactor: 2, configs })
    const { partitions } = await admin.describeTopic('by-admin')
    assert.deepEqual(
      partitions.map(({ leader, replicas }) => [leader, replicas]),
      cluster.partitions('by-admin').map(({ leader, replicas }) => [leader, replicas]),
    )
    const records = [{ partition: 1, key: 'k', value: 'v' }]
    await javaProduce({ brokers, topic: 'by-admin', records })
    const offsets = await admin.offsets('by-admin')
    assert.deepEqual(
      offsets.map(({ partition, begin, end }) => [partition, begin, end]),
      [
        [0, 0, 0],
        [1, 0, 1],
        [2, 0, 0],
      ],
    )
    const keyless = [{ partition: 0, value: 'no key' }]
    const rejected = javaProduce({ brokers, topic: 'by-admin', records: keyless })
    await assert.rejects(rejected, /InvalidRecord/)
    await admin.deleteTopic('by-admin')
    assert.ok(!cluster.topics.includes('by-admin'))
  })
})

// With the rule of Kafka up to 4.4 Java itself fails here now and then: a first batch that was
// rejected while the second was written comes too late for ever (KAFKA-15591). Hence the rule of
// 4.5.
it("Java's idempotent producer loses and doubles nothing while leaders move", async () => {
  await using cluster = await startCluster({
    nodes: 3,
    topics: { moving: 6 },
    unknownProducers: 'zero-if-never-written',
  })
  const count = 200_000
  let moves = 0
  cluster.onRequest(({ api }) => {
    if (api !== 'Produce' || cluster.requests.Produce! % 40 !== 0) return
    moves++
    cluster.moveLeader('moving', moves % 6, (moves % 3) + 1)
  })
  const faults = [
    cluster.fault({ api: 'Produce', topic: 'moving', close: true, at: 'after', count: 3 }),
    cluster.fault({ api: 'Produce', topic: 'moving', error: 'NOT_ENOUGH_REPLICAS', count: 5 }),
  ]
  const printed = await kafkaTool('org.apache.kafka.tools.ProducerPerformance', [
    ...['--topic', 'moving', '--num-records', String(count), '--record-size', '100'],
    ...['--throughput', '-1', '--producer-props'],
    `bootstrap.servers=${cluster.brokers.join(',')}`,
  ])
  assert.match(printed, new RegExp(`^${count} records sent`, 'm'))
  assert.equal(cluster.records('moving').length, count)
  assert.deepEqual(
    faults.map((fault) => fault.hits),
    [3, 5],
  )
  assert.ok(moves > 5, `${moves} moves`)
})
