// Dead letters: accepted records that failed permanently, in a topic, a file or a function. Each
// record is delivered, or dead-lettered, or its failure is reported.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type DeadLetterOption,
  type KafkaError,
  Producer,
  type ProducerOptions,
  type ProducerRecord,
} from '../../src/index.ts'
import { onStage, type Stage } from '../layers/stage.ts'
import { holdBack, rejectionOf, thrownBy, valuesOf } from './producer-kit.ts'
import { onMachine } from './spool-machine.ts'

const compacted = { partitions: 1, config: { 'cleanup.policy': 'compact' } }
const topics = { orders: compacted, letters: 1 }

interface Fixture {
  readonly stage: Stage
  readonly producer: Producer
  readonly errors: KafkaError[]
}

const withLetters = (
  deadLetter: DeadLetterOption,
  body: (fixture: Fixture) => Promise<void>,
  options: Partial<ProducerOptions> = {},
): Promise<void> =>
  onStage({ topics }, async (stage) => {
    const errors: KafkaError[] = []
    const onError = (error: KafkaError) => errors.push(error)
    const target = stage.target({ onError, deadLetter, ...options })
    await body({ stage, producer: new Producer(target, stage.environment), errors })
  })

const keyless = (value: string) => ({ topic: 'orders', value, headers: { trace: 'a1' } })
const keyed = (value: string) => ({ topic: 'orders', key: 'k', value })

const headersOf = (stage: Stage): Record<string, string>[] =>
  stage.cluster
    .records('letters')
    .map(({ headers }) => Object.fromEntries(headers.map(([name, value]) => [name, String(value)])))

describe('dead letters in a topic', () => {
  it('have the record as it was, and headers that say why it failed', () =>
    withLetters({ topic: 'letters' }, async ({ stage, producer, errors }) => {
      const good = producer.send(keyed('good'))
      const error = await stage.run(rejectionOf(producer.send({ ...keyless('bad'), timestamp: 7 })))
      assert.equal((await stage.run(good)).partition, 0)
      assert.equal(error.code, 'BROKER_REJECTED')
      assert.equal(error.isDeadLettered, true)
      assert.deepEqual(errors, [])
      assert.deepEqual(valuesOf(stage.cluster, 'letters'), ['bad'])
      const [headers] = headersOf(stage)
      assert.deepEqual(headers, {
        trace: 'a1',
        'dead-letter.topic': 'orders',
        'dead-letter.partition': '0',
        'dead-letter.timestamp': '7',
        'dead-letter.error-code': 'BROKER_REJECTED',
        'dead-letter.error-message': error.message,
        'dead-letter.broker-error': 'INVALID_RECORD',
        'dead-letter.attempts': '1',
        'dead-letter.persisted': 'no',
      })
      const report = await stage.run(producer.close())
      assert.deepEqual(report, { delivered: 2, failed: 1, undelivered: 0, deadLettered: 1 })
      assert.match(stage.logged.join('\n'), /A record was dead-lettered: BROKER_REJECTED/)
    }))

  it('are stored for a record that the broker names, and the rest of its batch is delivered', () =>
    withLetters({ topic: 'letters' }, async ({ stage, producer, errors }) => {
      for (let id = 0; id < 100; id++) {
        producer.enqueue(id % 10 === 3 ? keyless(String(id)) : keyed(String(id)))
      }
      await stage.run(producer.flush())
      assert.equal(valuesOf(stage.cluster, 'orders').length, 90)
      const dead = Array.from({ length: 10 }, (_, index) => String(index * 10 + 3))
      assert.deepEqual(valuesOf(stage.cluster, 'letters'), dead)
      assert.deepEqual(errors, [])
      assert.deepEqual(producer.metrics().deadLetters, { stored: 10, failed: 0, pending: 0 })
      await stage.run(producer.close())
    }))

  it('are stored for a record that waited for a topic that does not exist', () =>
    withLetters(
      { topic: 'letters' },
      async ({ stage, producer, errors }) => {
        producer.enqueue({ topic: 'nowhere', key: 'k', value: 'v' })
        await stage.run(producer.flush())
        const [headers] = headersOf(stage)
        assert.equal(headers?.['dead-letter.error-code'], 'UNKNOWN_TOPIC')
        assert.equal(headers?.['dead-letter.topic'], 'nowhere')
        assert.equal(headers?.['dead-letter.partition'], undefined)
        assert.deepEqual(errors, [])
        await stage.run(producer.close())
      },
      { allowAutoTopicCreation: false },
    ))

  it('are stored for a batch past its delivery timeout, as persisted maybe', () =>
    withLetters(
      { topic: 'letters' },
      async ({ stage, producer }) => {
        holdBack(stage.cluster, { topic: 'orders', at: 'after' })
        const error = await stage.run(rejectionOf(producer.send(keyed('late'))))
        assert.equal(error.code, 'DELIVERY_TIMEOUT')
        assert.equal(error.isDeadLettered, true)
        assert.equal(headersOf(stage)[0]?.['dead-letter.persisted'], 'maybe')
        stage.cluster.removeFaults()
        await stage.run(producer.close())
      },
      { deliveryTimeoutMs: 2_000, requestTimeoutMs: 1_000 },
    ))

  it('that fail themselves are reported once, with the record, and never sent again', () =>
    withLetters({ topic: 'letters' }, async ({ stage, producer, errors }) => {
      const fault = stage.cluster.fault({
        api: 'Produce',
        topic: 'letters',
        error: 'POLICY_VIOLATION',
        count: Number.POSITIVE_INFINITY,
      })
      producer.enqueue(keyless('bad'))
      await stage.run(producer.flush())
      await stage.clock.advance(60_000)
      assert.equal(fault.hits, 1)
      assert.equal(errors.length, 1)
      assert.equal(errors[0]?.brokerError, 'INVALID_RECORD')
      assert.match(errors[0]?.message ?? '', /its dead letter could not be stored: .*POLICY_VIOL/)
      assert.equal(errors[0]?.isDeadLettered, undefined)
      assert.deepEqual(producer.metrics().deadLetters, { stored: 0, failed: 1, pending: 0 })
      await stage.run(producer.close())
    }))

  it('are not stored for records that destroy() fails', () =>
    withLetters({ topic: 'letters' }, async ({ stage, producer }) => {
      holdBack(stage.cluster)
      const sent = rejectionOf(producer.send(keyed('x')))
      await stage.clock.advance(10)
      producer.destroy()
      const error = await stage.run(sent)
      assert.equal(error.code, 'ABORTED')
      assert.equal(error.isDeadLettered, undefined)
      assert.deepEqual(producer.metrics().deadLetters, { stored: 0, failed: 0, pending: 0 })
    }))
})

describe('dead letters as calls of a function', () => {
  it('have the record and its error; a promise is awaited before the record has its result', () => {
    const calls: [ProducerRecord, KafkaError][] = []
    let end: () => void = () => {}
    const onLetter = (record: ProducerRecord, error: KafkaError): Promise<void> => {
      calls.push([record, error])
      return new Promise((resolve) => {
        end = resolve
      })
    }
    return withLetters(onLetter, async ({ stage, producer, errors }) => {
      const sent = rejectionOf(producer.send(keyless('bad')))
      let isClosed = false
      const closing = producer.close().then((report) => {
        isClosed = true
        return report
      })
      await stage.clock.advance(1_000)
      assert.equal(isClosed, false)
      assert.equal(calls.length, 1)
      assert.equal(Buffer.from(calls[0]![0].value as Uint8Array).toString(), 'bad')
      assert.equal(calls[0]![1].brokerError, 'INVALID_RECORD')
      assert.equal(producer.metrics().deadLetters?.pending, 1)
      end()
      assert.equal((await stage.run(sent)).isDeadLettered, true)
      assert.equal((await stage.run(closing)).deadLettered, 1)
      assert.deepEqual(errors, [])
    })
  })

  it('that throw or reject are reported with the record', () => {
    let count = 0
    const onLetter = (): Promise<void> => {
      if (count++ === 0) throw new Error('no space')
      return Promise.reject(new Error('no time'))
    }
    return withLetters(onLetter, async ({ stage, producer, errors }) => {
      producer.enqueue(keyless('a'))
      await stage.run(producer.flush())
      producer.enqueue(keyless('b'))
      await stage.run(producer.flush())
      const messages = errors.map(({ message }) => message)
      assert.match(messages[0] ?? '', /could not be stored: no space$/)
      assert.match(messages[1] ?? '', /could not be stored: no time$/)
      assert.equal(errors.length, 2)
      await stage.run(producer.close())
    })
  })

  it('that never return do not keep destroy() from giving every record its result', () =>
    withLetters(
      () => new Promise<void>(() => {}),
      async ({ stage, producer }) => {
        const sent = rejectionOf(producer.send(keyless('bad')))
        await stage.clock.advance(1_000)
        assert.equal(producer.metrics().deadLetters?.pending, 1)
        producer.destroy()
        assert.match(
          (await stage.run(sent)).message,
          /could not be stored: The producer was closed/,
        )
      },
    ))

  it('are bounded in bytes: those past the bound are reported', () =>
    withLetters(
      () => new Promise<void>(() => {}),
      async ({ stage, producer, errors }) => {
        for (let id = 0; id < 4; id++) {
          producer.enqueue({ topic: 'orders', value: 'x'.repeat(30_000) })
          await stage.clock.advance(1_000)
        }
        assert.equal(errors.length, 2)
        assert.match(errors[0]?.message ?? '', /Dead letters that wait must be at most 65536 bytes/)
        producer.destroy()
      },
      { bufferMemoryBytes: 65_536, batchBytes: 32_768 },
    ))
})

describe('the option deadLetter', () => {
  const made = (deadLetter: unknown, options: object = {}) =>
    thrownBy(() => {
      new Producer({
        brokers: 'localhost:9092',
        deadLetter: deadLetter as DeadLetterOption,
        ...options,
      })
    })

  it('names what is invalid in it', () => {
    assert.match(
      made(5).message,
      /deadLetter must be \{ topic \}, \{ file \} or a function, got number/,
    )
    assert.match(
      made({ topic: 'a', file: 'b' }).message,
      /must be \{ topic \}, .* got \{ topic, file \}/,
    )
    assert.match(made({ topic: 'a b' }).message, /has a topic that can't be/)
    assert.match(made({ file: '' }).message, /must have text as its file, got ''/)
  })

  it('is rejected together with transactions', () => {
    const { message } = made({ topic: 'letters' }, { transactionalId: 'a' })
    assert.match(message, /deadLetter and transactionalId exclude each other/)
  })

  it('is needed by spool.afterExpiration deadLetter', () => {
    const spool = { directory: 'spool', afterExpiration: 'deadLetter' }
    assert.match(made(undefined, { spool }).message, /the option deadLetter is missing/)
  })
})

describe('dead letters of a producer with a spool', () => {
  const options = { topics }

  it('are in the spool in place of the record: after a kill they arrive once', () =>
    onMachine(async (machine, stage) => {
      const hold = holdBack(stage.cluster, { topic: 'letters' })
      const first = machine.producer({}, { deadLetter: { topic: 'letters' } })
      await stage.run(Promise.resolve(first.submit(keyless('bad'))))
      await stage.clock.advance(1_000)
      await stage.run(first.flushSpool())
      assert.equal(first.metrics().deadLetters?.pending, 1)
      machine.kill()
      hold()
      let produced = 0
      stage.cluster.onRequest(({ api, targets }) => {
        if (api === 'Produce' && targets.some(({ topic }) => topic === 'orders')) produced++
      })
      const second = machine.producer({}, { deadLetter: { topic: 'letters' } })
      await stage.run(second.flush())
      assert.deepEqual(valuesOf(stage.cluster, 'letters'), ['bad'])
      assert.equal(headersOf(stage)[0]?.['dead-letter.error-code'], 'BROKER_REJECTED')
      assert.equal(produced, 0)
      assert.deepEqual((await stage.run(second.close())).spooled, 0)
    }, options))

  it('of a function stay in the spool until the function returns', () =>
    onMachine(async (machine, stage) => {
      const never = { deadLetter: () => new Promise<void>(() => {}) }
      const first = machine.producer({}, never)
      await stage.run(Promise.resolve(first.submit(keyless('bad'))))
      await stage.clock.advance(1_000)
      assert.equal(first.metrics().deadLetters?.pending, 1)
      machine.kill()
      const values: string[] = []
      const second = machine.producer(
        {},
        { deadLetter: ({ value }) => void values.push(String(Buffer.from(value as Uint8Array))) },
      )
      await stage.run(second.flush())
      assert.deepEqual(values, ['bad'])
      assert.deepEqual((await stage.run(second.close())).spooled, 0)
    }, options))

  it('are stored by afterExpiration deadLetter for batches that may be forgotten', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer()
      holdBack(stage.cluster, { at: 'after' })
      await stage.run(Promise.resolve(first.submit(keyed('0'))))
      await stage.clock.advance(50)
      machine.kill()
      stage.cluster.removeFaults()
      await stage.clock.advance(10_000)
      stage.cluster.expireProducerIds()
      const second = machine.producer(
        { producerIdExpirationMs: 5000, afterExpiration: 'deadLetter' },
        { deadLetter: { topic: 'letters' } },
      )
      await stage.run(second.flush())
      assert.deepEqual(machine.errors, [])
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0'])
      assert.deepEqual(valuesOf(stage.cluster, 'letters'), ['0'])
      const [headers] = headersOf(stage)
      assert.equal(headers?.['dead-letter.error-code'], 'SPOOL_EXPIRED')
      assert.equal(headers?.['dead-letter.persisted'], 'maybe')
      assert.deepEqual((await stage.run(second.close())).spooled, 0)
    }, options))
})
