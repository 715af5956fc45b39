// What the two layers accept: layer 1's configuration and its repair, targets, acks, and the errors
// that name what is wrong. Nothing here connects to anything.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AsyncProducer } from '../../src/layers/async-producer.ts'
import { BatchAsyncProducer } from '../../src/layers/batch-async-producer.ts'
import { BatchError } from '../../src/layers/batch-error.ts'
import { KafkaProducer } from '../../src/layers/kafka-producer.ts'
import { type MessageProducer, ProducerType } from '../../src/layers/message-producer.ts'
import {
  defaultProducerConfig,
  type ProducerConfigInput,
  validateProducerConfig,
} from '../../src/layers/producer-config.ts'
import { SaramaProducerWrapper } from '../../src/layers/sarama-producer-wrapper.ts'
import { SyncProducer } from '../../src/layers/sync-producer.ts'
import type { Target } from '../../src/layers/target.ts'
import type { ProducerOptions } from '../../src/producer/producer-options.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

const usage = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof KafkaError)
  assert.equal(error.kind, 'usage')
  assert.match(error.message, pattern)
  return true
}

test('the defaults are the original’s: 100 messages, 5 seconds, async', () => {
  assert.deepEqual(defaultProducerConfig(), { batchSize: 100, batchTimeoutMs: 5000, async: true })
  assert.notEqual(defaultProducerConfig(), defaultProducerConfig())
})

test('validation repairs a copy as the original does in place; 0 turns the timer off', () => {
  const onError = () => {}
  const cases: [ProducerConfigInput, object][] = [
    [{}, defaultProducerConfig()],
    [{ batchSize: 0 }, defaultProducerConfig()],
    [{ batchSize: -7, batchTimeoutMs: -1 }, defaultProducerConfig()],
    [{ batchTimeoutMs: 0 }, { ...defaultProducerConfig(), batchTimeoutMs: 0 }],
    [{ batchSize: undefined, async: undefined }, defaultProducerConfig()],
    [
      { batchSize: 1, batchTimeoutMs: 7, async: false, onError },
      { batchSize: 1, batchTimeoutMs: 7, async: false, onError },
    ],
  ]
  for (const [given, expected] of cases) {
    const frozen = Object.freeze({ ...given })
    const repaired = validateProducerConfig(frozen)
    assert.deepEqual(repaired, expected)
    assert.notEqual(repaired, frozen)
  }
})

test('values that cannot be corrected throw one usage error that lists them all', () => {
  const wrong = {
    batchSize: Number.NaN,
    batchTimeoutMs: 1.5,
    async: 'yes',
    onError: 'log',
    batchTimeout: 3,
  }
  assert.throws(
    () => validateProducerConfig(wrong as never),
    (error: KafkaError) => {
      assert.equal(error.code, 'INVALID_OPTION')
      assert.equal(error.message.split('; ').length, 5)
      return usage(/Unknown setting "batchTimeout"\. Did you mean "batchTimeoutMs"\?/)(error)
    },
  )
  for (const batchSize of ['5', Number.POSITIVE_INFINITY, 0.5, null, {}]) {
    assert.throws(
      () => validateProducerConfig({ batchSize } as never),
      usage(/batchSize must be a whole number/),
    )
  }
  for (const config of [null, 7, 'x']) {
    assert.throws(() => validateProducerConfig(config as never), usage(/must be an object, got/))
  }
  assert.throws(() => new KafkaProducer('a:1', { batchSize: Number.NaN }), usage(/batchSize/))
})

test('acks other than all are rejected where the source forces all, and nowhere else', async () => {
  for (const acks of [0, 1, 'none'] as const) {
    const target = { brokers: 'a:1', acks } as ProducerOptions
    assert.throws(() => new KafkaProducer(target), usage(/acks must be .*KafkaProducer/))
    assert.throws(() => new KafkaProducer(target, { async: false }), usage(/KafkaProducer/))
    assert.throws(() => new SyncProducer(target), usage(/acks must be .*SyncProducer/))
  }
  for (const acks of ['all', -1, undefined] as const) {
    await new KafkaProducer({ brokers: 'a:1', acks }).close()
    await new SyncProducer({ brokers: 'a:1', acks }).close()
  }
  for (const acks of [0, 1, 'all'] as const)
    await new AsyncProducer({ brokers: 'a:1', acks }).close()
})

test('a target is addresses or options of a producer; wrong ones are named', async () => {
  for (const target of ['a:1', 'a:1,b:2', ['a:1', 'b:2'], { brokers: 'a:1', compression: 'lz4' }]) {
    await new AsyncProducer(target as Target).close()
  }
  const wrong: [unknown, RegExp][] = [
    [undefined, /brokers/],
    [null, /brokers/],
    [7, /brokers/],
    [
      { brokers: 'a:1', compresion: 'lz4' },
      /unknown option 'compresion': did you mean compression/,
    ],
    [{ acks: 'all' }, /brokers is missing/],
  ]
  for (const [target, pattern] of wrong) {
    assert.throws(() => new AsyncProducer(target as Target), usage(pattern))
    assert.throws(() => new SyncProducer(target as Target), usage(pattern))
    assert.throws(() => new KafkaProducer(target as Target), usage(pattern))
  }
})

test('count and interval have one place: not also in flush', async () => {
  const target = { brokers: 'a:1', flush: { records: 5 } }
  const settings = { batchSize: 5, batchIntervalMs: 5 }
  assert.throws(() => new KafkaProducer(target), usage(/batchSize and batchTimeoutMs/))
  assert.throws(
    () => new BatchAsyncProducer(target, undefined, settings),
    usage(/batchSize and batchIntervalMs/),
  )
  await new KafkaProducer({ brokers: 'a:1', flush: { bytes: 100_000 } }).close()
})

test('BatchAsyncProducer wants a count from 1 and an interval from 0', () => {
  for (const batchSize of [0, -1, 1.5, Number.NaN, '5', undefined]) {
    const settings = { batchSize, batchIntervalMs: 5 } as never
    assert.throws(
      () => new BatchAsyncProducer('a:1', undefined, settings),
      usage(/batchSize must be a whole number/),
    )
  }
  for (const batchIntervalMs of [-1, 0.5, Number.NaN, undefined]) {
    const settings = { batchSize: 5, batchIntervalMs } as never
    assert.throws(
      () => new BatchAsyncProducer('a:1', undefined, settings),
      usage(/batchIntervalMs/),
    )
  }
  assert.throws(
    () => new BatchAsyncProducer('a:1', undefined, undefined as never),
    usage(/batchSize/),
  )
})

test('a handler without its two functions is rejected', () => {
  for (const handler of [null, {}, { handleSuccess() {} }, 'log']) {
    assert.throws(
      () => new AsyncProducer('a:1', handler as never),
      usage(/handleSuccess and handleError/),
    )
  }
})

test('type, producerTyp, isAsync, isSync are plain values: 0 is sync, 1 is async', async () => {
  assert.deepEqual(ProducerType, { Sync: 0, Async: 1 })
  const settings = { batchSize: 5, batchIntervalMs: 5 }
  const cases: [MessageProducer, number][] = [
    [new SyncProducer('a:1'), 0],
    [new AsyncProducer('a:1'), 1],
    [new BatchAsyncProducer('a:1', undefined, settings), 1],
  ]
  for (const [producer, type] of cases) {
    const wrapper = new SaramaProducerWrapper(producer)
    assert.equal(producer.type(), type)
    assert.deepEqual(
      [wrapper.producerTyp(), wrapper.isAsync(), wrapper.isSync()],
      [type, type === 1, type === 0],
    )
    assert.deepEqual(await wrapper.closeProducer(), { delivered: 0, failed: 0, undelivered: 0 })
  }
})

test('a BatchError is a KafkaError with the code and kind of its most severe failure', () => {
  const full = new KafkaError('BUFFER_FULL', 'full')
  const large = new KafkaError('RECORD_TOO_LARGE', 'large')
  const lost = new KafkaError('CONNECTION_LOST', 'lost', { persisted: 'maybe' })
  const mixed = new BatchError(
    [
      { index: 1, error: full },
      { index: 4, error: large },
    ],
    5,
    3,
  )
  assert.ok(mixed instanceof KafkaError && mixed instanceof BatchError && mixed instanceof Error)
  assert.equal(full instanceof BatchError, false)
  assert.deepEqual(
    [mixed.name, mixed.code, mixed.kind],
    ['BatchError', 'RECORD_TOO_LARGE', 'rejected'],
  )
  assert.deepEqual([mixed.persisted, mixed.delivered, mixed.cause], ['maybe', 3, large])
  assert.match(mixed.message, /^2 of 5 messages failed; the first at index 1: BUFFER_FULL: full$/)
  const nothing = new BatchError([{ index: 0, error: full }], 1, 0)
  assert.deepEqual([nothing.persisted, nothing.retriable], ['no', true])
  assert.equal(new BatchError([{ index: 0, error: lost }], 1, 0).persisted, 'maybe')
})
