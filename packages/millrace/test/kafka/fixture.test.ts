// The broker fixture itself: what it starts can be used, is read by foreign clients as it was
// written, and ends with the test, also when the test's process dies on the spot.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startCluster } from '../../src/testing.ts'
import {
  javaConsume,
  javaProduce,
  type Kafka,
  kafkaVersions,
  kcatConsume,
  kcatPath,
  kcatProduce,
  startKafka,
} from './fixture/index.ts'
import { untilGone } from './fixture/until-gone.ts'

const pids = (kafka: Kafka): number[] => kafka.nodes.map(({ pid }) => pid ?? -1)

describe('a single real broker', () => {
  for (const version of kafkaVersions) {
    it(`Kafka ${version} takes what Java and kcat write, and both read it as it was`, async () => {
      await using kafka = await startKafka({ version })
      const { brokers } = kafka
      await kafka.admin.createTopic('t', { partitions: 2, configs: { 'retention.ms': '-1' } })
      const headers = [
        ['a', Buffer.from([0, 255])],
        ['a', null],
        ['"ü', ''],
      ] as const
      const sent = await javaProduce({
        brokers,
        topic: 't',
        records: [
          { partition: 0, key: null, value: 'one', headers, timestamp: 1_700_000_000_000 },
          { partition: 1, key: Buffer.from([10, 0, 255]), value: null },
          { partition: 0, key: '', value: '' },
        ],
      })
      assert.deepEqual(sent.at(-1), { partition: 0, offset: 1 })
      const records = await javaConsume({ brokers, topic: 't' })
      const [first, empty] = records.filter(({ partition }) => partition === 0)
      const tombstone = records.find(({ partition }) => partition === 1)
      assert.equal(records.length, 3)
      assert.equal(first?.timestamp, 1_700_000_000_000)
      assert.equal(first.timestampType, 'CreateTime')
      assert.equal(first.key, null)
      assert.equal(first.value?.toString(), 'one')
      assert.deepEqual(
        first.headers,
        headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value)]),
      )
      assert.deepEqual([empty?.key, empty?.value], [Buffer.alloc(0), Buffer.alloc(0)])
      assert.deepEqual([tombstone?.key, tombstone?.value], [Buffer.from([10, 0, 255]), null])
      assert.notEqual(await kcatPath(), null, 'kcat is wanted as the second judge')
      const seen = await kcatConsume({ brokers, topic: 't' })
      assert.deepEqual(
        seen.map(({ partition, offset, key, value }) => ({ partition, offset, key, value })),
        seen.map(({ partition, offset }) => {
          const same = records.find((one) => one.partition === partition && one.offset === offset)
          return { partition, offset, key: same?.key, value: same?.value }
        }),
      )
      assert.equal(seen.length, 3)
    })
  }
})

describe('the Java clients beside a broker', () => {
  let kafka: Kafka
  before(async () => {
    kafka = await startKafka({ properties: { 'auto.create.topics.enable': 'false' } })
  })
  after(() => kafka?.close())

  it('serve admin requests: offsets, deleted records, configs, producer states', async () => {
    const { brokers, admin } = kafka
    await admin.createTopic('t')
    await kcatProduce({ brokers, topic: 't' }, [
      { key: 'a', value: '1' },
      { key: 'b', value: '2' },
    ])
    await javaProduce({ brokers, topic: 't', records: [{ key: 'c', value: '3' }] })
    assert.deepEqual(await admin.offsets('t'), [{ partition: 0, begin: 0, end: 3 }])
    const [state] = await admin.describeProducers('t', 0)
    assert.equal(state?.lastSequence, 0)
    await admin.deleteRecords('t', { 0: 2 })
    assert.deepEqual(await admin.offsets('t'), [{ partition: 0, begin: 2, end: 3 }])
    const left = await javaConsume({ brokers, topic: 't', isolation: 'read_committed' })
    assert.deepEqual(
      left.map(({ offset, key }) => [offset, key?.toString()]),
      [[2, 'c']],
    )
    await admin.alterTopicConfigs('t', { 'max.message.bytes': '100' })
    const large = { brokers, topic: 't', records: [{ value: 'x'.repeat(200) }] }
    await assert.rejects(javaProduce(large), /RecordTooLarge/)
    await admin.setClientQuota(null, { producer_byte_rate: 1_000 })
    await admin.setClientQuota(null, { producer_byte_rate: null })
    await admin.deleteTopic('t')
    await assert.rejects(javaConsume({ brokers, topic: 't' }), /no such topic|UnknownTopic/)
  })

  it('hand over 200,000 records in a few seconds', async () => {
    const { brokers, admin } = kafka
    await admin.createTopic('many')
    const records = Array.from({ length: 50_000 }, (_, index) => ({ value: `value ${index}` }))
    for (let round = 0; round < 4; round += 1)
      await javaProduce({ brokers, topic: 'many', records })
    const began = performance.now()
    let next = 0
    await javaConsume({
      brokers,
      topic: 'many',
      onRecord: ({ offset, value }) => {
        assert.equal(offset, next)
        assert.equal(value?.toString(), `value ${next % 50_000}`)
        next += 1
      },
    })
    assert.equal(next, 200_000)
    assert.ok(performance.now() - began < 30_000)
  })
})

describe('a cluster of three', () => {
  it('goes on without a killed node, which comes back on its old port and data', async () => {
    await using kafka = await startKafka({ nodes: 3, listeners: { SECOND: 'PLAINTEXT' } })
    const { brokers, admin } = kafka
    await admin.createTopic('t', { partitions: 3, replicationFactor: 3 })
    await admin.moveLeader('t', 0, 2)
    const [led] = (await admin.describeTopic('t')).partitions
    assert.deepEqual([led?.leader, led?.replicas.length], [2, 3])
    const { port } = kafka.node(2)
    await kafka.node(2).kill('SIGKILL')
    assert.equal(kafka.node(2).pid, undefined)
    const records = [{ partition: 0, value: 'while one is away' }]
    await javaProduce({ brokers, topic: 't', records })
    assert.notEqual((await admin.describeTopic('t')).partitions[0]?.leader, 2)
    await kafka.node(2).start()
    assert.equal(kafka.node(2).port, port)
    await kafka.node(3).restart()
    const read = await javaConsume({ brokers: kafka.brokersOn('SECOND'), topic: 't' })
    assert.deepEqual(
      read.map(({ value }) => value?.toString()),
      ['while one is away'],
    )
  })
})

describe('what was started ends', () => {
  it('on close(): exactly its processes, and its folder', async () => {
    const [one, other] = await Promise.all([startKafka(), startKafka()])
    const [ended] = pids(one)
    const [alive] = pids(other)
    const folder = dirname(dirname(one.node(1).logPath))
    assert.equal(existsSync(folder), true)
    await one.close()
    assert.equal(existsSync(folder), false)
    assert.throws(() => process.kill(ended ?? -1, 0), /ESRCH/)
    assert.equal(process.kill(alive ?? -1, 0), true)
    await other.close()
    assert.throws(() => process.kill(alive ?? -1, 0), /ESRCH/)
  })

  it('when the process of the test is killed on the spot, and the data goes too', async () => {
    const script = fileURLToPath(new URL('./fixture/start-and-wait.js', import.meta.url))
    const path = existsSync(script) ? script : script.replace(/\.js$/, '.ts')
    const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface({ input: child.stdout }), 'line')
    const started = JSON.parse(line) as { pid: number; folder: string }
    assert.equal(process.kill(started.pid, 0), true)
    child.kill('SIGKILL')
    await untilGone(started)
  })
})

// `npm run kafka` announced the broker that another process had on its port.
it('a port that another process has is an error, though a broker responds there', async () => {
  await using other = await startCluster({ nodes: 1 })
  const [, port] = other.brokers[0]!.split(':')
  await assert.rejects(startKafka({ port: Number(port) }), {
    message: `Port ${port} must be free, but a process listens on it.`,
  })
})
