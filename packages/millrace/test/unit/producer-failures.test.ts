// Where failures go: to the caller, and once each to onError or, rate-limited, to the logger. And
// what a producer says when there is no broker, or something that is none.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, it } from 'node:test'
import { KafkaError, Producer } from '../../src/index.ts'
import { FailureReporter } from '../../src/producer/failure-reporter.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { startCluster } from '../../src/testing.ts'
import {
  blackHole,
  deadAddress,
  memoryLogger,
  nextRequest,
  numbered,
  producerFor,
  rejectionOf,
} from './producer-kit.ts'

const lost = (logger: ReturnType<typeof memoryLogger>): string[] =>
  logger.lines.filter(({ level }) => level === 'error').map(({ message }) => message)

describe('failures', () => {
  it('go to onError once for each record, whichever way it was sent, awaited or not', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const reported: KafkaError[] = []
    await using producer = producerFor(cluster, { onError: (error) => reported.push(error) })
    await producer.send({ topic: 't', value: 'good' })
    const forbidden = { api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' }
    const fault = cluster.fault({ ...forbidden, count: Number.POSITIVE_INFINITY })
    const ways = [
      () => rejectionOf(producer.send({ topic: 't', value: 'x' })),
      () => rejectionOf(producer.send({ topic: 't', value: 'x' }, { timeoutMs: 10_000 })),
      () => producer.sendBatch(numbered('t', 3)),
      async () => {
        producer.enqueue({ topic: 't', value: 'x' })
        await producer.flush()
      },
    ]
    for (const [index, way] of ways.entries()) {
      const before = reported.length
      await way()
      const count = [1, 1, 3, 1][index]
      assert.equal(reported.length - before, count, `way ${index}`)
    }
    assert.ok(reported.every(({ code, topic }) => code === 'AUTHORIZATION_FAILED' && topic === 't'))
    const { recordsFailed } = producer.metrics()
    assert.equal(recordsFailed, reported.length)
    fault.remove()
    await producer.send({ topic: 't', value: 'good' })
    assert.equal(reported.length, recordsFailed)
  })

  it('do not go to onError if a callback receives them', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const reported: KafkaError[] = []
    await using producer = producerFor(cluster, { onError: (error) => reported.push(error) })
    cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
    let result: KafkaError | null = null
    producer.enqueue({ topic: 't', value: 'x' }, (error) => {
      result = error
    })
    await producer.flush()
    assert.equal(result!.code, 'AUTHORIZATION_FAILED')
    assert.deepEqual(reported, [])
  })

  it('a cancelled record is reported once, however its batch ends', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const reported: KafkaError[] = []
    await using producer = producerFor(cluster, { onError: (error) => reported.push(error) })
    await producer.send({ topic: 't', value: 'good' })
    cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', delayMs: 50 })
    await rejectionOf(producer.send({ topic: 't', value: 'x' }, { timeoutMs: 20 }))
    await producer.flush()
    assert.equal(reported.length, 1)
  })

  it('without onError go to the logger, one line for very many of them', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const logger = memoryLogger()
    await using producer = producerFor(cluster, { logger })
    cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED' })
    const { failedIndexes } = await producer.sendBatch(numbered('t', 1000))
    assert.equal(failedIndexes.length, 1000)
    assert.equal(lost(logger).length, 1)
    assert.match(lost(logger)[0]!, /not delivered: AUTHORIZATION_FAILED: Produce t\[0\] failed/)
  })

  it('of one code are one line at once, then counted at growing intervals', async () => {
    const clock = new VirtualClock()
    const logger = memoryLogger()
    const reporter = new FailureReporter(logger, null, clock)
    const error = new KafkaError('BUFFER_FULL', 'full')
    const ends: number[] = []
    for (let ms = 0; ms < 20_000; ms += 100) {
      const before = lost(logger).length
      reporter.report(error)
      await clock.advance(100)
      if (lost(logger).length > before) ends.push(ms)
    }
    reporter.stop()
    assert.deepEqual(ends, [0, 900, 2900, 6900, 14_900])
    assert.deepEqual(lost(logger).slice(0, 3), [
      'millrace: A record was not delivered: BUFFER_FULL: full',
      'millrace: 9 records were not delivered: BUFFER_FULL: full',
      'millrace: 20 records were not delivered: BUFFER_FULL: full',
    ])
    assert.equal(lost(logger).length, 6)
  })

  it('a retry that succeeds is not a failure: nothing is logged as lost or reported', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const logger = memoryLogger()
    const reported: KafkaError[] = []
    const options = { logger, onError: (error: KafkaError) => reported.push(error) }
    await using producer = producerFor(cluster, options)
    cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count: 2 })
    await producer.send({ topic: 't', value: 'x' })
    assert.deepEqual([lost(logger), reported], [[], []])
  })

  it('an onError that throws or rejects, or a missing logger, affects no record', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const logger = memoryLogger()
    const ends = [
      () => {
        throw new Error('thrown')
      },
      () => Promise.reject(new Error('rejected')),
    ]
    for (const onError of ends) {
      await using producer = producerFor(cluster, { logger, onError })
      const error = await rejectionOf(producer.send({ topic: 't', value: 7 as never }))
      assert.equal(error.code, 'INVALID_ARGUMENT')
      await new Promise(setImmediate)
    }
    assert.match(lost(logger).join('\n'), /thrown.*rejected/s)
  })
})

describe('without a producer id', () => {
  it('every error and the warning name the request that fails', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const logger = memoryLogger()
    const producer = producerFor(cluster, { logger })
    const failing = { api: 'InitProducerId', error: 'COORDINATOR_LOAD_IN_PROGRESS' }
    cluster.fault({ ...failing, count: Number.POSITIVE_INFINITY })
    const sent = rejectionOf(producer.send({ topic: 't', value: 'x' }))
    // The second request follows the response to the first one.
    await nextRequest(cluster, 'InitProducerId')
    await nextRequest(cluster, 'InitProducerId')
    const errors = [
      await rejectionOf(producer.send({ topic: 't', value: 'x' }, { timeoutMs: 0 })),
      await rejectionOf(producer.flush({ timeoutMs: 0 })),
      (await producer.sendBatch([{ topic: 't', value: 'x' }], { timeoutMs: 0 })).results[0],
    ]
    while (!logger.lines.some(({ message }) => message.includes('InitProducerId failed'))) {
      await nextRequest(cluster, 'InitProducerId')
    }
    await producer.close({ timeoutMs: 0 })
    for (const error of [...errors, await sent]) {
      assert.ok(error instanceof KafkaError)
      assert.match(error.message, /InitProducerId failed .*COORDINATOR_LOAD_IN_PROGRESS/)
      assert.equal((error.cause as KafkaError).brokerError, failing.error)
      assert.equal(error.persisted, 'no')
    }
  })
})

describe('a topic that takes no records', () => {
  it('is the reason in the timeouts of flush and sendBatch, too', async () => {
    await using cluster = await startCluster({ topics: { t: 1 } })
    const producer = producerFor(cluster)
    cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count: Number.POSITIVE_INFINITY })
    const sent = rejectionOf(producer.send({ topic: 't', value: 'x' }))
    await nextRequest(cluster, 'Produce')
    await nextRequest(cluster, 'Produce')
    const late = await rejectionOf(producer.flush({ timeoutMs: 0 }))
    const batch = await producer.sendBatch([{ topic: 't', value: 'y' }], { timeoutMs: 0 })
    for (const error of [late, batch.results[0]]) {
      assert.ok(error instanceof KafkaError)
      assert.match(error.message, /NOT_ENOUGH_REPLICAS/)
      assert.equal((error.cause as KafkaError).brokerError, 'NOT_ENOUGH_REPLICAS')
    }
    await producer.close({ timeoutMs: 0 })
    assert.equal((await sent).code, 'ABORTED')
  })
})

describe('without a broker', () => {
  it('every error names the address and the reason', async () => {
    const addresses = [await deadAddress(), await deadAddress()]
    const producer = new Producer({
      brokers: addresses,
      logger: silentLogger,
      maxBlockMs: 300,
      unknownTopicTimeoutMs: 300,
    })
    const errors = await Promise.all([
      rejectionOf(producer.send({ topic: 't', value: 'x' })),
      rejectionOf(producer.send({ topic: 't', value: 'x' }, { timeoutMs: 200 })),
      rejectionOf(producer.connect({ timeoutMs: 0 })),
      rejectionOf(producer.partitionsFor('t')),
      producer.sendBatch([{ topic: 't', value: 'x' }]).then(({ results }) => results[0]),
    ])
    // connect() ends with a round through all of them; the others may end within the next round.
    for (const address of addresses) assert.ok(errors[2]!.message.includes(address))
    for (const error of errors) {
      assert.ok(error instanceof KafkaError)
      assert.ok(
        addresses.some((address) => error.message.includes(address)),
        error.message,
      )
      assert.match(error.message, /ECONNREFUSED|refused/)
      assert.equal(error.persisted, 'no')
      assert.equal(error.retriable, true)
    }
    assert.deepEqual(await producer.close(), { delivered: 0, failed: 3, undelivered: 0 })
  })

  it('that responds, the error names the address that did not respond', async () => {
    await using hole = await blackHole()
    const producer = new Producer({
      brokers: hole.address,
      logger: silentLogger,
      maxBlockMs: 400,
      connectTimeoutMs: 100,
      requestTimeoutMs: 100,
    })
    const error = await rejectionOf(producer.send({ topic: 't', value: 'x' }))
    assert.ok(error.message.includes(hole.address), error.message)
    await producer.close()
  })

  it('with another server at its port, the error says that it is not Kafka', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const producer = new Producer({ brokers: address, logger: silentLogger, maxBlockMs: 300 })
    const error = await rejectionOf(producer.send({ topic: 't', value: 'x' }))
    assert.ok(error.message.includes(address), error.message)
    assert.match(error.message, /HTTP|not Kafka|no Kafka/i)
    await producer.close()
    server.close()
  })

  it('at the start, records are delivered when it starts', async () => {
    const address = await deadAddress()
    const producer = new Producer({ brokers: address, logger: silentLogger })
    const sends = numbered('t', 10).map((record) => producer.send(record))
    while (producer.metrics().connectionFailures === 0) await new Promise(setImmediate)
    const port = Number(address.split(':')[1])
    await using cluster = await startCluster({ port, topics: { t: 1 } })
    assert.equal((await Promise.all(sends)).length, 10)
    await producer.close()
    assert.equal(cluster.records('t').length, 10)
  })
})
