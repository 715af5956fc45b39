// A real broker that forgets producers after 5 s: a batch whose response was lost with its process
// may be stored twice after that, and is reported as such before it is sent again.

import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type KafkaError, Producer } from '../../src/index.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { pause } from '../soak/load-process.ts'
import { javaConsume, startKafka } from './fixture/index.ts'

const topic = 'spooled'
const forgetMs = 5000

test('after producer.id.expiration.ms an unresolved batch is reported, then resent', async () => {
  await using kafka = await startKafka({
    properties: {
      'producer.id.expiration.ms': String(forgetMs),
      'producer.id.expiration.check.interval.ms': '500',
    },
  })
  await kafka.admin.createTopic(topic, { partitions: 1 })
  const directory = await mkdtemp(join(tmpdir(), 'millrace-spool-expiration-'))
  const errors: KafkaError[] = []
  const start = () =>
    new Producer({
      brokers: kafka.brokers,
      logger: silentLogger,
      onError: (error) => errors.push(error),
      spool: { directory, producerIdExpirationMs: forgetMs },
    })
  const first = start()
  await first.send({ topic, value: 'first' })
  await kafka.node(1).kill('SIGSTOP')
  await first.submit({ topic, value: 'no response' })
  // The request is with the operating system of the broker, which stores it when it goes on.
  await pause(300)
  await first.close({ timeoutMs: 0 })
  await kafka.node(1).kill('SIGCONT')
  await pause(2 * forgetMs)
  assert.deepEqual(errors, [])
  const second = start()
  await second.flush()
  assert.deepEqual(
    errors.map(({ code, persisted }) => `${code} ${persisted}`),
    ['SPOOL_EXPIRED maybe'],
  )
  const report = await second.close()
  assert.equal(report.spooled, 0)
  const values: string[] = []
  await javaConsume({
    brokers: kafka.brokers,
    topic,
    timeoutMs: 60_000,
    onRecord: ({ value }) => values.push(value!.toString()),
  })
  // The broker had stored it, and has forgotten that: as reported, it is there twice.
  assert.deepEqual(values, ['first', 'no response', 'no response'])
  await rm(directory, { recursive: true })
})
