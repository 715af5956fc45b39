// Memory after a forced collection, where other clients grow: cancelled calls, an outage with
// retries, very many topics, huge records that are rejected. The producer and the cluster run on
// virtual time. MILLRACE_HEAP_SCALE=1 runs 200,000 sends, 100,000 topics and 100 records of 200 MB;
// by default it is a tenth. (The layers: heap-layers.test.ts. Damaged responses: hostile.test.ts,
// and `npm run hostile`.)

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KafkaError } from '../../src/index.ts'
import { checkGrowth, scale, stageFor } from './heap-stage.ts'

describe('memory after a forced collection stays within bufferMemoryBytes and 40 MiB', () => {
  it('after sends that were cancelled during an outage', async (context) => {
    const { clock, cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    cluster.node(1).stop()
    let cancelled = 0
    const onCancelled = ({ code }: KafkaError): void => {
      if (code === 'TIMEOUT') cancelled++
    }
    for (let wave = 0; wave < 200 * scale; wave++) {
      const calls = Array.from({ length: 1000 }, () =>
        producer.send({ topic: 't', value: 'x'.repeat(20) }, { timeoutMs: 10 }).catch(onCancelled),
      )
      await clock.advance(20)
      await settled(Promise.all(calls))
    }
    await checkGrowth(context, before, 'while the outage lasts')
    assert.equal(cancelled, 200_000 * scale)
    assert.equal(producer.metrics().waitingSends, 0)
    await end()
    assert.equal(producer.metrics().recordsFailed, 200_000 * scale)
  })

  // A call of flush() stayed until all records were settled, one of connect() until a round ended.
  it('after calls of flush() and connect() that were cancelled', async (context) => {
    const { clock, cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    cluster.node(1).stop()
    producer.enqueue({ topic: 't', value: 'x' })
    let cancelled = 0
    const onCancelled = ({ code }: KafkaError): void => {
      if (code === 'TIMEOUT') cancelled++
    }
    for (let wave = 0; wave < 400 * scale; wave++) {
      const calls = Array.from({ length: 1000 }, () => [
        producer.flush({ timeoutMs: 10 }).catch(onCancelled),
        producer.connect({ timeoutMs: 10 }).catch(onCancelled),
      ])
      await clock.advance(20)
      await settled(Promise.all(calls.flat()))
    }
    await checkGrowth(context, before, 'while the outage lasts')
    assert.equal(cancelled, 800_000 * scale)
    await end()
  })

  // The results of each call, with their errors, stayed until the records' batch expired.
  it('after cancelled batches of one record, whose errors hold large reasons', async (context) => {
    const { clock, cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    cluster.node(1).stop()
    for (let wave = 0; wave < 200 * scale; wave++) {
      const calls = Array.from({ length: 100 }, () => {
        const controller = new AbortController()
        const { signal } = controller
        const sent = producer.sendBatch([{ topic: 't', value: 'x' }], { signal })
        return { controller, sent }
      })
      await clock.advance(10)
      for (const { controller } of calls) controller.abort(new Array(10_000).fill(0))
      await settled(Promise.all(calls.map(({ sent }) => sent)))
    }
    await checkGrowth(context, before, 'while the outage lasts')
    await end()
  })

  it('after cancelled sends and batches whose topics never became known', async (context) => {
    const { clock, cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    cluster.node(1).stop()
    for (let wave = 0; wave < 200 * scale; wave++) {
      const controller = new AbortController()
      const options = { signal: controller.signal }
      const records = Array.from({ length: 500 }, (_, index) => {
        const topic = index % 2 === 0 ? 't' : `new-${wave}-${index}`
        return { topic, value: 'x'.repeat(20) }
      })
      const calls = records.map((record) => producer.send(record, options).catch(() => {}))
      const batch = producer.sendBatch(records, options)
      await clock.advance(10)
      controller.abort()
      await settled(Promise.all([...calls, batch]))
    }
    await checkGrowth(context, before, 'while the outage lasts')
    assert.equal(producer.metrics().waitingSends, 0)
    await end()
  })

  it('after transactions that were cancelled while their records were retried', async (context) => {
    const { clock, cluster, make, settled, end, before } = await stageFor({ t: 1 })
    const producer = make({ transactionalId: 'x' })
    const record = { topic: 't', value: 'x'.repeat(20) }
    await settled(producer.transaction((transaction) => transaction.send(record)))
    cluster.fault({
      api: 'Produce',
      error: 'NOT_ENOUGH_REPLICAS',
      count: Number.POSITIVE_INFINITY,
    })
    for (let wave = 0; wave < 200 * scale; wave++) {
      const controller = new AbortController()
      const work = producer.transaction(
        (transaction) => transaction.sendBatch(Array(500).fill(record)),
        { signal: controller.signal },
      )
      const cancelled = work.then(
        () => assert.fail('it was committed'),
        ({ code }: KafkaError) => assert.equal(code, 'ABORTED'),
      )
      await clock.advance(50)
      controller.abort()
      await settled(cancelled)
    }
    await checkGrowth(context, before, 'after the last transaction')
    await settled(producer.close({ timeoutMs: 100 }))
    await end()
  })

  it('after 60 s of an error that is retried, in many partitions', async (context) => {
    const partitions = 1000 * scale
    const { clock, cluster, producer, settled, end, before } = await stageFor({ t: partitions })
    const fault = cluster.fault({
      api: 'Produce',
      error: 'NOT_ENOUGH_REPLICAS',
      count: Number.POSITIVE_INFINITY,
    })
    const calls = Array.from({ length: partitions }, (_, partition) =>
      producer.send({ topic: 't', partition, value: 'x' }),
    )
    await clock.advance(60_000)
    await checkGrowth(context, before, 'during the outage')
    assert.ok(producer.metrics().recordsRetried > 5 * partitions)
    fault.remove()
    await settled(Promise.all(calls))
    await end()
  })

  // An error refers to the objects whose methods were running, until its stack is read: it held the
  // bytes of its request.
  it('after failed records whose errors the caller keeps', async (context) => {
    const { cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    cluster.fault({ api: 'Produce', error: 'POLICY_VIOLATION', count: Number.POSITIVE_INFINITY })
    const errors: unknown[] = []
    for (let count = 0; count < 5000 * scale; count++) {
      const value = Buffer.alloc(400_000)
      await settled(producer.send({ topic: 't', value }).catch((error) => errors.push(error)))
    }
    await checkGrowth(context, before, 'with the errors')
    assert.equal(errors.length, 5000 * scale)
    await end()
  })

  it('after very many topics that were used once', async (context) => {
    const { cluster, producer, settled, end, before } = await stageFor({ t: 1 })
    for (let wave = 0; wave < 200 * scale; wave++) {
      const names = Array.from({ length: 500 }, (_, index) => `topic-${wave}-${index}`)
      for (const name of names) cluster.createTopic(name, 1)
      const records = names.map((topic) => ({ topic, value: 'x' }))
      const { failedIndexes } = await settled(producer.sendBatch(records))
      assert.deepEqual(failedIndexes, [])
      for (const name of names) cluster.deleteTopic(name)
    }
    await checkGrowth(context, before, 'after the last topic')
    await end()
  })

  it('after rejected records of 200 MB, in key, value and headers', async (context) => {
    const { producer, settled, end, before } = await stageFor({ t: 1 })
    const reject = async (): Promise<void> => {
      const bytes = Buffer.alloc(200_000_000)
      const text = bytes.toString('latin1')
      const fields = [
        { value: bytes },
        { value: text },
        { value: null, key: bytes },
        { value: null, key: text },
        { value: 'x', headers: { h: bytes } },
      ]
      for (let count = 0; count < 100 * scale; count++) {
        const record = { topic: 't', ...fields[count % fields.length]! }
        await assert.rejects(settled(producer.send(record)), { code: 'RECORD_TOO_LARGE' })
      }
    }
    await reject()
    await checkGrowth(context, before, 'after the last record')
    await end()
  })
})
