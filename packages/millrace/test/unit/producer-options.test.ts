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
      "unknown option 'lingerMS': did you mean lingerMs?",
      "acks must be 'all' (or -1), 1 or 0, got 2",
      'batchBytes must be a whole number from 1024 to 67108864, got 12',
      'maxInFlightRequests must be a whole number from 1 to 1000, got 1.5',
      'compression must be one of none, gzip, snappy, lz4, zstd, or { type, level }, got "brotli"',
      'partitioner must be one of java',
      'logger must be an object with debug, info, warn and error, got a function',
      'onError must be a function, got "log"',
      'clientId must be a string of 1 to 249 printable characters, got ""',
      'idempotent must be true or false, got "yes"',
      'intervalMs, maxRecords as whole numbers from 0, got records -1',
    ]) {
      assert.ok(message.includes(part), `${part}\nis missing in\n${message}`)
    }
  })

  it('the error for a name that other clients use, or a typo, gives our name', () => {
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
      assert.ok(message.includes(`unknown option '${theirs}': did you mean ${ours}?`), message)
    }
    assert.match(complaint({ brokers, zzzzzzzzzzzzzzzz: 1 }), /unknown option 'z+'$/)
  })

  it('names of the prototype are not options', () => {
    for (const name of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
      const options = JSON.parse(`{ "brokers": "a:1", "${name}": 1 }`)
      assert.match(complaint(options), new RegExp(`unknown option '${name}'`))
    }
  })

  it('options that are not an object, and brokers that are not addresses, are named', () => {
    for (const options of [undefined, null, 'localhost:9092', 7, ['localhost:9092']]) {
      assert.match(complaint(options), /options must be an object, got/)
    }
    for (const [value, pattern] of [
      ['', /at least one 'host:port'/],
      [[], /at least one 'host:port'/],
      ['kafka:99999', /the port must be 1 to 65535/],
      ['http://kafka:9092', /remove 'http:\/\/'/],
      [[9092], /brokers\[0\] must be a string/],
      [9092, /brokers/],
      [null, /brokers/],
      [{ host: 'kafka' }, /brokers/],
    ] as const) {
      assert.match(complaint({ brokers: value }), pattern)
    }
  })

  it('options that cannot be read, and functions that make no interceptor, are named', () => {
    const thrown = (): never => {
      throw Object.create(null)
    }
    const unreadable: Record<string, unknown> = {
      'a proxy': new Proxy({}, { get: thrown, ownKeys: thrown, getPrototypeOf: thrown }),
      brokers: {
        get brokers() {
          return thrown()
        },
      },
      'a field of sasl': {
        brokers,
        sasl: {
          get mechanism() {
            return thrown()
          },
        },
      },
    }
    for (const [name, options] of Object.entries(unreadable)) {
      assert.match(complaint(options), /options could not be read: a value without text/, name)
    }
    const interceptor = (make: unknown) => complaint({ brokers, interceptors: [{}, make].slice(1) })
    assert.match(interceptor(thrown), /^interceptors\[0\] threw: /)
    assert.match(
      interceptor(() => null),
      /must return an object with onSend or onSettled, got null/,
    )
    assert.match(
      interceptor(async () => ({ onSend: thrown })),
      /got Promise/,
    )
  })

  it('host names, topic names and long names that cannot be are refused', () => {
    for (const host of ['a\u001b[2J', '\ud800', 'x'.repeat(256), 'a\u202eb']) {
      assert.match(complaint({ brokers: `${host}:9092` }), /is not a host name/)
    }
    assert.match(complaint({ brokers: {} }), /brokers must be a string or an array, got an object/)
    assert.match(
      complaint({ brokers, topics: { 'a b': {} } }),
      /a topic name must have only letters/,
    )
    assert.match(complaint({ brokers, topics: new Map([['t', {}]]) }), /got Map/)
    const name = 'lingerms'.repeat(100_000)
    assert.match(complaint({ brokers, [name]: 1 }), /unknown option 'lingermsl/)
  })

  it('options that exclude each other are named when each by itself is valid', () => {
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
    assert.match(complaint({ brokers, compression: {} }), /compression must be .*, got undefined/)
    for (const compression of ['gzip', { type: 'zstd', level: 1 }, { type: 'lz4' }] as const) {
      new Producer({ brokers, compression })
    }
  })

  it('undefined counts as not given for every option, and each default is right', () => {
    const options: Record<string, unknown> = { brokers }
    for (const name of Object.keys(optionTable)) options[name] ??= undefined
    new Producer(options as unknown as ProducerOptions)
    for (const [name, row] of Object.entries(optionTable)) {
      if (row.default === undefined) continue
      assert.equal(row.problem(row.default), null, name)
    }
  })

  it('null is rejected by every option, with its name', () => {
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

  it('producer.options is what is in effect: with defaults, without any secret', () => {
    const password = 'p4ssw0rd'
    const producer = new Producer({
      brokers: [brokers, 'localhost:9093'],
      tls: {},
      sasl: { mechanism: 'PLAIN', username: 'alice', password },
      compression: { type: 'zstd', level: 3 },
      acks: 1,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
    })
    const { options } = producer
    assert.equal(options.brokers, '127.0.0.1:9092, localhost:9093')
    assert.deepEqual([options.tls, options.sasl, options.compression], [true, 'PLAIN', 'zstd:3'])
    assert.deepEqual([options.acks, options.idempotent, options.logger], [1, false, 'custom'])
    assert.equal(options.lingerMs, optionTable.lingerMs.default)
    assert.doesNotMatch(JSON.stringify(options), /p4ssw0rd|alice/)
  })
})
