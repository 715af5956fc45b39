// Dead letters in a file, on the machine's own disk.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { KafkaError } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { producerFor, rejectionOf } from './producer-kit.ts'

const inDirectory = async (body: (directory: string) => Promise<void>): Promise<void> => {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-letters-'))
  try {
    await body(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

const topics = { orders: { partitions: 1, config: { 'cleanup.policy': 'compact' } } }

describe('dead letters in a file', () => {
  it('are appended as whole lines, also after a line that was cut off', () =>
    inDirectory(async (directory) => {
      await using cluster = await startCluster({ topics })
      const file = join(directory, 'letters.ndjson')
      await writeFile(file, '{"topic":"orders"}\n{"topic":"ord')
      const producer = producerFor(cluster, { deadLetter: { file } })
      const error = await rejectionOf(
        producer.send({
          topic: 'orders',
          value: Buffer.from([0xff, 0]),
          headers: { trace: 'a1', raw: Buffer.from([0xfe]) },
          timestamp: 7,
        }),
      )
      assert.equal(error.isDeadLettered, true)
      assert.equal((await producer.close()).deadLettered, 1)
      const lines = (await readFile(file, 'utf8')).split('\n')
      assert.deepEqual(lines.slice(0, 2), ['{"topic":"orders"}', '{"topic":"ord'])
      assert.equal(lines.length, 4)
      assert.deepEqual(JSON.parse(lines[2] ?? ''), {
        topic: 'orders',
        valueBase64: '/wA=',
        headers: [
          ['trace', 'a1'],
          ['raw', { base64: '/g==' }],
        ],
        partition: 0,
        timestamp: 7,
        error: {
          code: 'BROKER_REJECTED',
          persisted: 'no',
          message: error.message,
          kind: 'rejected',
          brokerError: 'INVALID_RECORD',
          attempts: 1,
        },
      })
    }))

  it('that can not be written are reported with their records', () =>
    inDirectory(async (directory) => {
      await using cluster = await startCluster({ topics })
      const errors: KafkaError[] = []
      const file = join(directory, 'missing', 'letters.ndjson')
      const onError = (error: KafkaError) => errors.push(error)
      const producer = producerFor(cluster, { deadLetter: { file }, onError })
      producer.enqueue({ topic: 'orders', value: 'a' })
      await producer.flush()
      assert.equal(errors.length, 1)
      assert.match(errors[0]?.message ?? '', /its dead letter could not be stored: ENOENT/)
      await producer.close()
    }))
})
