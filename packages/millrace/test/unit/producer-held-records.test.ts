// A producer copies what it takes. Until the result comes, nothing keeps the caller's record in
// memory, whichever call took it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Producer, ProducerRecord } from '../../src/index.ts'
import { startCluster } from '../../src/testing.ts'
import { holdBack, nextRequest, producerFor } from './producer-kit.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const makeRecord = (): ProducerRecord => ({ topic: 't', value: Buffer.alloc(64, 'v') })

const calls: Record<string, (producer: Producer, record: ProducerRecord) => unknown> = {
  send: (producer, record) => producer.send(record),
  'send with a time limit': (producer, record) => producer.send(record, { timeoutMs: 60_000 }),
  sendBatch: (producer, record) => producer.sendBatch([record]),
  'sendBatch with a time limit': (producer, record) =>
    producer.sendBatch([record], { timeoutMs: 60_000 }),
  enqueue: (producer, record) => producer.enqueue(record, () => {}),
  submit: (producer, record) => producer.submit(record, () => {}),
  'submit with a time limit': (producer, record) =>
    producer.submit(record, () => {}, { timeoutMs: 60_000 }),
}

for (const [name, call] of Object.entries(calls)) {
  test(`${name}: the record can be collected before its result comes`, async () => {
    await using cluster = await startCluster({ topics: { t: {} } })
    const producer = producerFor(cluster)
    await producer.send(makeRecord())
    holdBack(cluster)
    const results: Promise<unknown>[] = []
    const request = nextRequest(cluster, 'Produce')
    const start = (): WeakRef<ProducerRecord> => {
      const record = makeRecord()
      results.push(Promise.resolve(call(producer, record)).catch(() => {}))
      return new WeakRef(record)
    }
    const held = start()
    await request
    collectGarbage()
    producer.destroy()
    await Promise.all(results)
    assert.equal(held.deref(), undefined)
  })
}
