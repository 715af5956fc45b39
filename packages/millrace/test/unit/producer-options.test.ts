// The options of a producer, as a user gets them wrong: one error that lists every problem.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import { optionTable } from '../../src/producer/option-table.ts'
import { thrownBy } from './producer-kit.ts'

const brokers = '127.0.0.1:9092'

/** What the constructor says to options that TypeScript would not allow either. */
const complaint = (options: unknown): string => {
  const error = thrownBy(() => new Producer(options as ProducerOptions))
  assert.equal(error.code, 'INVALID_OPTION')
  assert.equal(error.kind, 'usage')
  assert.equal(error.retriable, false)
  return error.message
}

describe('options', () => {
  it('every problem is in one error: unknown names, wrong types, bounds', () => {
    const message = complaint({
      lingerMS: 5,
      acks: 2,
      batchBytes: 12,
      maxInFlightRequests: 1.5,
      compression: 'brotli',
      partitioner: 'murmur3',
      logger: console.log,
      onError: 'log',
      clientId: '',
      idempotent: 'yes',
      flush: { records: -1 },
    })
    for (const part of [
      'brokers is missing',
      'lingerMS is no option: did you mean lingerMs?',
      "acks is 2: expected 'all' (or -1), 1 or 0",
      'batchBytes is 12: expected a whole number from 1024 to 67108864',
      'maxInFlightRequests is 1.5: expected a whole number from 1 to 1000',
      'compression is "brotli": expected none, gzip, snappy, lz4, zstd',
      'partitioner is "murmur3": expected java',
      'logger is a function: expected an object with debug, info, warn and error',
      'onError is "log": expected a function',
      'clientId is "": expected a string of 1 to 249 characters',
      'idempotent is "yes": expected true or false',
      'flush has records -1: expected a whole number from 0',
    ]) {
      assert.ok(message.includes(part), `${part}\nis missing in\n${message}`)
    }
  })

  it('a name that other clients use, or a typo, is answered with ours', () => {
    for (const [theirs, ours] of [
      ['bootstrapServers', 'brokers'],
      ['enableIdempotence', 'idempotent'],
      ['compressionType', 'compression'],
      ['requiredAcks', 'acks'],
      ['createPartitioner', 'partitioner'],
      ['deliveryTimeoutMS', 'deliveryTimeoutMs'],
      ['bufferMemory', 'bufferMemoryBytes'],
      ['metadataMaxAge', 'metadataMaxAgeMs'],
      ['requestTimeout', 'requestTimeoutMs'],
      ['compresion', 'compression'],
      ['onErorr', 'onError'],
      ['retrys', 'retries'],
    ]) {
      const message = complaint({ brokers, [theirs!]: 1 })
      assert.ok(message.includes(`${theirs} is no option: did you mean ${ours}?`), message)
    }
    assert.match(complaint({ brokers, zzzzzzzzzzzzzzzz: 1 }), /zzz is no option$/)
  })

  it('names of the prototype are no options', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
      const options = JSON.parse(`{ "brokers": "a:1", "${name}": 1 }`)
      assert.match(complaint(options), new RegExp(`${name} is no option`))
    }
  })

  it('options that are no object, and brokers that are no addresses, are named', () => {
    for (const options of [undefined, null, 'localhost:9092', 7, ['localhost:9092']]) {
      assert.match(complaint(options), /options are .*: expected an object/s)
    }
    for (const [value, words] of [
      ['', /at least one 'host:port'/],
      [[], /at least one 'host:port'/],
      ['kafka:99999', /the port must be 1 to 65535/],
      ['http://kafka:9092', /leave out 'http:\/\/'/],
      [[9092], /brokers\[0\] must be a string/],
      [9092, /brokers/],
      [null, /brokers/],
      [{ host: 'kafka' }, /brokers/],
    ] as const) {
      assert.match(complaint({ brokers: value }), words)
    }
  })

  it('what options rule out together is said when each by itself is right', () => {
    const bad = { brokers, idempotent: true, acks: 1, retries: 0, maxInFlightRequests: 6 }
    const message = complaint(bad)
    assert.match(message, /acks is 1: idempotent needs acks 'all'/)
    assert.match(message, /retries is 0: idempotent needs at least 1/)
    assert.match(message, /maxInFlightRequests is 6: at most 5 when idempotent/)
    assert.match(complaint({ brokers, maxInFlightRequests: 6 }), /at most 5 when idempotent/)
    assert.match(
      complaint({ brokers, batchBytes: 1 << 20, maxRequestBytes: 1 << 19 }),
      /batchBytes is 1048576: at most maxRequestBytes \(524288\)/,
    )
    new Producer({ brokers, maxInFlightRequests: 6, acks: 1 })
    new Producer({ brokers, maxInFlightRequests: 6, idempotent: false })
  })

  it('levels of codecs are held to their bounds, and the codec is named', () => {
    for (const [type, level] of [
      ['gzip', 10],
      ['gzip', 0],
      ['lz4', 13],
      ['zstd', 23],
      ['snappy', 1],
      ['none', 1],
    ] as const) {
      assert.match(complaint({ brokers, compression: { type, level } }), /level/)
    }
    assert.match(complaint({ brokers, compression: { type: 'gzip', level: '9' } }), /level/)
    assert.match(complaint({ brokers, compression: {} }), /compression is undefined/)
    for (const compression of ['gzip', { type: 'zstd', level: 1 }, { type: 'lz4' }] as const) {
      new Producer({ brokers, compression })
    }
  })

  it('undefined counts as left out for every option, and each default is right', () => {
    const options: Record<string, unknown> = { brokers }
    for (const name of Object.keys(optionTable)) options[name] ??= undefined
    new Producer(options as unknown as ProducerOptions)
    for (const [name, row] of Object.entries(optionTable)) {
      if (row.default === undefined) continue
      assert.equal(row.problem(row.default), null, name)
    }
  })

  it('null is refused by every option, with its name', () => {
    for (const name of Object.keys(optionTable)) {
      const message = complaint({ brokers, [name]: null })
      assert.ok(message.includes(name), `${name}: ${message}`)
    }
  })

  it('the options that were passed are not changed, and may be frozen', () => {
    const list = [brokers]
    const options = { brokers: list, flush: { records: 3 }, compression: { type: 'gzip' as const } }
    const before = structuredClone(options)
    new Producer(options)
    assert.deepEqual(options, before)
    new Producer(Object.freeze({ brokers: Object.freeze([brokers]) }))
  })
})
