// The option spool of millrace under the interface of kafkajs.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCluster } from 'millrace/testing'
import { CompressionTypes, Kafka, logLevel } from '../../src/index.ts'

test('records of each codec go through a spool of their own, and none is left', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-kafkajs-spool-'))
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const kafka = new Kafka({
    brokers: [...cluster.brokers],
    logLevel: logLevel.NOTHING,
    millrace: { spool: { directory } },
  })
  const producer = kafka.producer()
  await producer.connect()
  const send = (value: string, compression?: CompressionTypes) =>
    producer.send({
      topic: 'orders',
      messages: [{ value }],
      ...(compression === undefined ? {} : { compression }),
    })
  const [plain] = await send('plain')
  const [packed] = await send('packed', CompressionTypes.GZIP)
  assert.deepEqual([plain?.baseOffset, packed?.baseOffset], ['0', '1'])
  assert.deepEqual((await readdir(directory)).sort(), ['gzip', 'none'])
  await producer.disconnect()
  for (const name of ['gzip', 'none']) {
    assert.deepEqual(await readdir(join(directory, name)), [])
  }
  const values = cluster.records('orders').map(({ value }) => String(value))
  assert.deepEqual(values, ['plain', 'packed'])
  await rm(directory, { recursive: true })
})
