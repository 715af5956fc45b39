// Arguments that cannot be read: revoked proxies, proxies and getters that throw, as the argument
// itself and as each field of it. Every public call ends with a KafkaError of kind `usage` that
// names the argument, never with the TypeError of the proxy.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as main from '../../src/index.ts'
import * as layers from '../../src/layers.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { RecordingProducer, startCluster } from '../../src/testing.ts'

const refuse = (): never => {
  throw new Error('not readable')
}

const traps = { get: refuse, has: refuse, ownKeys: refuse, getPrototypeOf: refuse }

const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

type Inputs = Readonly<Record<string, unknown>>

/** Values in place of an object or an array. */
const whole = (): Inputs => ({
  'a revoked proxy': revoked({}),
  'a revoked proxy of an array': revoked([]),
  'a revoked proxy of a function': revoked(() => {}),
  'a proxy that throws': new Proxy({}, traps),
  'a proxy of an array that throws': new Proxy([], traps),
})

/** `base` with a field that throws, or whose value cannot be read. */
const withField = (base: object, name: string): Inputs => ({
  [`${name} throws`]: Object.defineProperty({ ...base }, name, { get: refuse, enumerable: true }),
  [`${name} is a revoked proxy`]: { ...base, [name]: revoked({}) },
  [`${name} is a revoked array`]: { ...base, [name]: revoked([]) },
  [`${name} is a proxy that throws`]: { ...base, [name]: new Proxy({}, traps) },
})

const fieldsOf = (base: object, names: readonly string[]): Inputs =>
  Object.assign(whole(), ...names.map((name) => withField(base, name)))

/** Each input as the only item of an array, and in place of the array. */
const inArray = (inputs: Inputs): Inputs => ({
  ...whole(),
  ...Object.fromEntries(Object.entries(inputs).map(([name, value]) => [`[${name}]`, [value]])),
})

type Call = (given: never) => unknown
type Check = readonly [names: RegExp, inputs: Inputs, call: Call]

const errorOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call()
    return 'no error'
  } catch (error) {
    return error
  }
}

const checkAll = async (checks: Readonly<Record<string, Check>>): Promise<void> => {
  for (const [name, [names, inputs, call]] of Object.entries(checks)) {
    for (const [what, value] of Object.entries(inputs)) {
      const error = await errorOf(() => call(value as never))
      const text = `${name}, ${what}: ${String(error)}`
      assert.ok(error instanceof main.KafkaError && error.kind === 'usage', text)
      assert.match(error.message, names, text)
    }
  }
}

const brokers = 'localhost:9092'
const record = { topic: 't', value: 'x' }
const handler = { handleSuccess() {}, handleError() {} }
const settings = { batchSize: 1, batchIntervalMs: 1 }
const recordFields = ['topic', 'key', 'value', 'headers', 'partition', 'timestamp']
const wait = (call: Call): Check => [
  /options|signal|timeoutMs/,
  fieldsOf({}, ['signal', 'timeoutMs']),
  call,
]
const text = (call: Call): Check => [/must be/, whole(), call]

const targets = (): readonly [RegExp, Inputs] => {
  const names = ['brokers', 'tls', 'sasl', 'flush', 'topics', 'spool', 'deadLetter', 'compression']
  const others = ['interceptors', 'logger', 'partitioner', 'acks', 'socketFactory', 'retries']
  const all = [...names, ...others, 'transactionalId']
  const pattern = new RegExp(`options|target|${all.join('|')}`)
  return [pattern, fieldsOf({ brokers }, all)]
}

const sends = (producer: main.RecordSender): Record<string, Check> => ({
  send: [/record/, fieldsOf(record, recordFields), (given) => producer.send(given)],
  'send, options': wait((given) => producer.send(record, given)),
  enqueue: [/record/, fieldsOf(record, recordFields), (given) => producer.enqueue(given)],
  sendBatch: [/records/, whole(), (given) => producer.sendBatch(given)],
  'sendBatch, options': wait((given) => producer.sendBatch([record], given)),
})

const streams = (producer: main.ProducerLike): Record<string, Check> => {
  const options = fieldsOf({}, ['onFailed', 'highWaterMark'])
  return {
    sendAll: [/source/, whole(), (given) => producer.sendAll(given)],
    'sendAll, options': [
      /options|signal|onFailed/,
      fieldsOf({}, ['signal', 'onFailed']),
      (given) => producer.sendAll([record], given),
    ],
    writable: [/options|onFailed|highWater/, options, (given) => producer.writable(given)],
    stream: [/options|onFailed|highWater/, options, (given) => producer.writableStream(given)],
  }
}

describe('an argument that cannot be read is named in a KafkaError', () => {
  it('by Producer, Admin, diagnose and the constructors of the layers', async () => {
    const config = fieldsOf({}, ['batchSize', 'batchTimeoutMs', 'async', 'onError', 'onSuccess'])
    const isConfig = /configuration|batch|async|onError|onSuccess/
    const call = fieldsOf({ timeoutMs: 1 }, ['produceTo', 'onStep', 'signal', 'timeoutMs'])
    const { KafkaProducer, SyncProducer, AsyncProducer, BatchAsyncProducer } = layers
    await checkAll({
      Producer: [...targets(), (given) => new main.Producer(given)],
      Admin: [...targets(), (given) => new main.Admin(given)],
      diagnose: [...targets(), (given) => main.diagnose(given, { timeoutMs: 1 })],
      'diagnose, call': [
        /options|produceTo|onStep|signal|timeoutMs/,
        call,
        (given) => main.diagnose({ brokers }, given),
      ],
      KafkaProducer: [...targets(), (given) => new KafkaProducer(given)],
      'KafkaProducer, sync': [...targets(), (given) => new KafkaProducer(given, { async: false })],
      'KafkaProducer, config': [isConfig, config, (given) => new KafkaProducer(brokers, given)],
      validateProducerConfig: [isConfig, config, (given) => layers.validateProducerConfig(given)],
      SyncProducer: [...targets(), (given) => new SyncProducer(given)],
      AsyncProducer: [...targets(), (given) => new AsyncProducer(given)],
      'AsyncProducer, handler': [
        /handler/,
        fieldsOf(handler, ['handleSuccess', 'handleError']),
        (given) => new AsyncProducer(brokers, given, { isNotMade: refuse } as never),
      ],
      BatchAsyncProducer: [
        ...targets(),
        (given) => new BatchAsyncProducer(given, handler, settings),
      ],
      'BatchAsyncProducer, settings': [
        /settings|batch/,
        fieldsOf(settings, Object.keys(settings)),
        (given) => new BatchAsyncProducer(brokers, handler, given),
      ],
      SaramaProducerWrapper: [
        /producer/,
        whole(),
        (given) => new layers.SaramaProducerWrapper(given),
      ],
    })
  })

  it('by the functions beside them', async () => {
    const sasl = { mechanism: 'plain', username: 'u', password: 'p' }
    const reading = fieldsOf({}, ['all', 'onDamage'])
    await checkAll({
      optionsFromProperties: [/properties/, whole(), (given) => main.optionsFromProperties(given)],
      partitionForKey: [/key/, whole(), (given) => main.partitionForKey(given, 3)],
      jsonSerializer: [/schema/, whole(), (given) => main.jsonSerializer(given)],
      typedTopics: [/topics/, whole(), (given) => main.typedTopics(new RecordingProducer(), given)],
      createSaslMechanism: [
        /sasl/,
        fieldsOf(sasl, Object.keys(sasl).slice(0, 2)),
        (given) => main.createSaslMechanism(given),
      ],
      inspectSpool: [/directory/, whole(), (given) => main.inspectSpool(given)],
      readSpool: [/directory/, whole(), (given) => main.readSpool(given).next()],
      'readSpool, options': [
        /options|all|onDamage/,
        reading,
        (given) => main.readSpool('nowhere', given).next(),
      ],
    })
  })

  it('by the calls of a producer, a transaction and their doubles', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const options = { brokers: cluster.brokers, logger: silentLogger }
    await using producer = new main.Producer(options)
    await using transactional = new main.Producer({ ...options, transactionalId: 'x' })
    for (const sender of [producer, new RecordingProducer()]) {
      await checkAll({
        ...sends(sender),
        ...streams(sender),
        submit: [/record/, fieldsOf(record, recordFields), (given) => sender.submit(given)],
        'submit, options': wait((given) => sender.submit(record, null, given)),
        ready: wait((given) => sender.ready(given)),
        flush: wait((given) => sender.flush(given)),
        connect: wait((given) => sender.connect(given)),
        partitionsFor: wait((given) => sender.partitionsFor('t', given)),
      })
    }
    await checkAll({
      metrics: [/options|partitions/, fieldsOf({}, ['partitions']), (one) => producer.metrics(one)],
      purge: [/scope|topic|partition/, fieldsOf({}, ['topic']), (given) => producer.purge(given)],
      beginTransaction: wait((given) => transactional.beginTransaction(given)),
      close: wait((given) => producer.close(given)),
    })
    // A call that fails ends its transaction: each has its own.
    const inNew =
      (call: (transaction: main.Transaction, given: never) => unknown): Call =>
      async (given) => {
        const transaction = await transactional.beginTransaction()
        try {
          await call(transaction, given)
        } finally {
          await transaction.abort()
        }
      }
    const offset = { topic: 't', partition: 0, offset: 1 }
    const offsets = fieldsOf(offset, [...Object.keys(offset), 'metadata', 'leaderEpoch'])
    const group = fieldsOf({ groupId: 'g' }, ['groupId', 'generationId', 'memberId'])
    const isGroup = /group/
    await checkAll({
      send: [/record/, fieldsOf(record, recordFields), inNew((one, given) => one.send(given))],
      'send, options': wait(inNew((one, given) => one.send(record, given))),
      sendOffsets: [
        /offsets/,
        inArray(offsets),
        inNew((one, given) => one.sendOffsets(given, 'g')),
      ],
      'sendOffsets, group': [
        isGroup,
        group,
        inNew((one, given) => one.sendOffsets([offset], given)),
      ],
      'sendOffsets, options': wait(inNew((one, given) => one.sendOffsets([offset], 'g', given))),
      commit: wait(inNew((one, given) => one.commit(given))),
    })
  })

  it('by the calls of typed topics and of the layers', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using producer = new layers.KafkaProducer(cluster.brokers)
    await using sync = new layers.SyncProducer(cluster.brokers)
    await using async = new layers.AsyncProducer(cluster.brokers)
    const topics = main.typedTopics(new RecordingProducer(), { t: { value: main.textSerializer } })
    const keyOrTopic = fieldsOf({ topic: 't' }, ['topic', 'key'])
    await checkAll({
      ...sends(topics as unknown as main.RecordSender),
      'typed sendAll': [/source/, whole(), (given) => topics.sendAll(given)],
      'typed sendAll, options': [
        /options|signal/,
        fieldsOf({}, ['signal']),
        (given) => topics.sendAll([], given),
      ],
    })
    await checkAll({
      sendMessage: [/record|topic|key/i, keyOrTopic, (given) => sync.sendMessage(given, 'x')],
      'sendMessage, value': [/record/, whole(), (given) => sync.sendMessage({ topic: 't' }, given)],
      'sendMessage, options': wait((given) => sync.sendMessage({ topic: 't' }, 'x', given)),
      async: [/record|topic|key/i, keyOrTopic, (given) => async.sendMessage(given, 'x')],
      'async, options': wait((given) => async.sendMessage({ topic: 't' }, 'x', given)),
      send: [/record/, fieldsOf(record, recordFields), (given) => producer.send(given)],
      sendBatch: [/messages/, whole(), (given) => producer.sendBatch(given)],
      'sendBatch, options': wait((given) => producer.sendBatch([record], given)),
      flush: wait((given) => producer.flush(given)),
      close: wait((given) => producer.close(given)),
    })
  })

  it('by the calls of Admin', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    await using admin = new main.Admin({ brokers: cluster.brokers, logger: silentLogger })
    const newTopic = fieldsOf({ name: 'u' }, ['name', 'partitions', 'replicationFactor', 'config'])
    const resource = { type: 'topic', name: 't' } as const
    const change = { name: 'a', operation: 'set', value: '1' } as const
    const changes = inArray(fieldsOf(change, Object.keys(change)))
    const hanging = { topic: 't', partition: 0, producerId: 1 }
    const reading = fieldsOf({}, ['from', 'until', 'partitions', 'signal', 'timeoutMs'])
    await checkAll({
      listTopics: wait((given) => admin.listTopics(given)),
      describeTopic: text((given) => admin.describeTopic(given)),
      createTopic: [
        /topic|name|config|partitions|replicationFactor/,
        newTopic,
        (given) => admin.createTopic(given),
      ],
      deleteTopic: text((given) => admin.deleteTopic(given)),
      createPartitions: text((given) => admin.createPartitions('t', given)),
      resource: [
        /resource|type|name/,
        fieldsOf(resource, Object.keys(resource)),
        (given) => admin.incrementalAlterConfigs(given, [change]),
      ],
      changes: [
        /change|name|operation|value/,
        changes,
        (given) => admin.incrementalAlterConfigs(resource, given),
      ],
      deleteRecords: [/beforeOffsets/, whole(), (given) => admin.deleteRecords('t', given)],
      listOffsets: [
        /spec/,
        fieldsOf({ timestamp: 1 }, ['timestamp']),
        (given) => admin.listOffsets('t', given),
      ],
      'listOffsets, options': [
        /options|isolation/,
        fieldsOf({}, ['isolation']),
        (given) => admin.listOffsets('t', 'latest', given),
      ],
      listConsumerGroupOffsets: text((given) => admin.listConsumerGroupOffsets(given)),
      describeTransaction: text((given) => admin.describeTransaction(given)),
      describeProducers: text((given) => admin.describeProducers(given)),
      abortTransaction: text((given) => admin.abortTransaction(given)),
      findHangingTransactions: [
        /what|topic/,
        fieldsOf({}, ['topic']),
        (given) => admin.findHangingTransactions(given),
      ],
      abortHangingTransaction: [
        /transaction|topic|partition|producerId/,
        fieldsOf(hanging, Object.keys(hanging)),
        (given) => admin.abortHangingTransaction(given),
      ],
      readRecords: [
        /options|from|until|partitions|signal|timeoutMs/,
        reading,
        (given) => admin.readRecords('t', given).next(),
      ],
    })
  })
})
