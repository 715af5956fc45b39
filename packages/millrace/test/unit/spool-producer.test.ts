// A producer with a spool, in virtual time: what its calls promise, what the next process finds.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { KafkaError, Producer } from '../../src/index.ts'
import type { SpoolOption } from '../../src/producer/spool-option.ts'
import { holdBack, inOrder, numbered, rejectionOf, thrownBy, valuesOf } from './producer-kit.ts'
import { onMachine } from './spool-machine.ts'

describe('a producer with a spool', () => {
  it('delivers what it took, and leaves an empty directory', () =>
    onMachine(async (machine, stage) => {
      const producer = machine.producer()
      await stage.run(Promise.all(numbered('orders', 50).map((one) => producer.submit(one))))
      const report = await stage.run(producer.close())
      assert.deepEqual(report, { delivered: 50, failed: 0, undelivered: 0, spooled: 0 })
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), inOrder(50))
      assert.deepEqual(machine.disk.paths(), [])
    }))

  it('keeps what it took: purge() throws, and the records are delivered', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const producer = machine.producer()
      await stage.run(Promise.all(numbered('orders', 5).map((one) => producer.submit(one))))
      for (const scope of [{}, { topic: 'orders' }, { topic: 'orders', partition: 0 }]) {
        const { code, message } = thrownBy(() => producer.purge(scope))
        assert.equal(code, 'INVALID_STATE')
        assert.match(message, /records in the spool are kept until they are delivered/)
      }
      stage.cluster.node(1).blackHole(false)
      await stage.run(producer.close())
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), inOrder(5))
    }))

  it('takes records while no broker responds, and the next process delivers them', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const first = machine.producer()
      for (const one of numbered('orders', 20)) await stage.run(first.submit(one))
      machine.kill()
      stage.cluster.node(1).blackHole(false)
      const results: string[] = []
      const second = machine.producer({
        onRecovered: (result, { value }) => {
          assert.ok(!(result instanceof KafkaError))
          results.push(`${Buffer.from(value as Uint8Array)} ${result.offset}`)
        },
      })
      await stage.run(second.flush())
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), inOrder(20))
      assert.deepEqual(
        results,
        inOrder(20).map((id) => `${id} ${id}`),
      )
      assert.equal(second.metrics().spool?.recoveredRecords, 20)
      await stage.run(second.close())
    }))

  it('sends a batch without a response again under its numbers: it is stored once', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer()
      await stage.run(first.send({ topic: 'orders', value: '0' }))
      holdBack(stage.cluster, { at: 'after' })
      await stage.run(first.submit({ topic: 'orders', value: '1' }))
      await stage.clock.advance(50)
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0', '1'])
      machine.kill()
      stage.cluster.removeFaults()
      const second = machine.producer()
      await stage.run(second.send({ topic: 'orders', value: '2' }))
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0', '1', '2'])
      await stage.run(second.close())
    }))

  for (const isStored of [true, false]) {
    const place = isStored ? 'in the log: it is stored twice' : 'not in the log: it is stored once'
    it(`dies between a split and its result, of a batch of unknown outcome that is ${place}`, () =>
      onMachine(async (machine, stage) => {
        const first = machine.producer({}, { requestTimeoutMs: 1000 })
        await stage.run(first.send({ topic: 'orders', value: '0' }))
        const found = holdBack(stage.cluster, { at: isStored ? 'after' : 'before', count: 1 })
        for (const value of ['1', '2']) first.submit({ topic: 'orders', value })
        await stage.clock.advance(500)
        found()
        const error = 'MESSAGE_TOO_LARGE'
        const tooLarge = stage.cluster.fault({ api: 'Produce', error, count: 1 })
        await stage.clock.runUntil(() => tooLarge.hits === 1, 10_000)
        const halves = holdBack(stage.cluster, { at: 'before' })
        await stage.clock.advance(500)
        machine.kill()
        halves()
        const second = machine.producer()
        await stage.run(second.flush())
        const stored = valuesOf(stage.cluster, 'orders')
        assert.deepEqual(stored, isStored ? ['0', '1', '2', '1', '2'] : ['0', '1', '2'])
        await stage.run(second.close())
      }))
  }

  it('reports batches that the broker may have forgotten, before it sends them again', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer()
      holdBack(stage.cluster, { at: 'after' })
      await stage.run(first.submit({ topic: 'orders', value: '0' }))
      await stage.clock.advance(50)
      machine.kill()
      stage.cluster.removeFaults()
      await stage.clock.advance(10_000)
      stage.cluster.expireProducerIds()
      const second = machine.producer({ producerIdExpirationMs: 5000 })
      await stage.run(second.flush())
      const [error] = machine.errors
      assert.equal(error?.code, 'SPOOL_EXPIRED')
      assert.equal(error?.persisted, 'maybe')
      assert.match(error?.message ?? '', /^orders-0: 1 records were sent 10 s ago, and no response/)
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0', '0'])
      await stage.run(second.close())
    }))

  it('keeps such batches back with afterExpiration report', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer()
      holdBack(stage.cluster, { at: 'after' })
      await stage.run(first.submit({ topic: 'orders', value: '0' }))
      await stage.clock.advance(50)
      machine.kill()
      stage.cluster.removeFaults()
      await stage.clock.advance(10_000)
      stage.cluster.expireProducerIds()
      const option = { producerIdExpirationMs: 5000, afterExpiration: 'report' } as const
      const second = machine.producer(option)
      await stage.run(second.flush())
      assert.deepEqual(
        machine.errors.map(({ code }) => code),
        ['SPOOL_EXPIRED'],
      )
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0'])
      assert.deepEqual((await stage.run(second.close())).spooled, 0)
    }))

  it('holds more than its memory, and delivers it in order', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const producer = machine.producer({}, { bufferMemoryBytes: 64 * 1024 })
      const values = Array.from({ length: 500 }, (_, id) => `${id} ${'x'.repeat(1000)}`)
      for (const value of values) {
        await stage.run(producer.submit({ topic: 'orders', value }))
      }
      const { bufferUsedBytes, waitingBytes, spool } = producer.metrics()
      assert.ok(bufferUsedBytes + waitingBytes < 100 * 1024, `${bufferUsedBytes + waitingBytes}`)
      assert.ok((spool?.bytes ?? 0) > 500_000)
      stage.cluster.node(1).blackHole(false)
      await stage.run(producer.flush())
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), values)
      await stage.run(producer.close())
    }))

  it('delivers to other partitions while one takes nothing and holds its share of memory', () =>
    onMachine(
      async (machine, stage) => {
        const toStuck = { topic: 'stuck', partition: 0 }
        const takeNothing = { ...toStuck, drop: false, error: 'NOT_LEADER_OR_FOLLOWER' } as const
        const goOn = holdBack(stage.cluster, takeNothing)
        const producer = machine.producer({}, { bufferMemoryBytes: 1024 * 1024 })
        const values = Array.from({ length: 60 }, (_, id) => `${id} ${'x'.repeat(8000)}`)
        for (const [index, value] of values.entries()) {
          await stage.run(producer.submit({ ...toStuck, value }))
          await stage.clock.advance(20)
          await stage.run(producer.send({ topic: 'orders', value: `${index}` }))
        }
        assert.deepEqual(valuesOf(stage.cluster, 'orders'), inOrder(60))
        assert.deepEqual(valuesOf(stage.cluster, 'stuck'), [])
        // What waits in memory has no time limit: it is in the spool.
        await stage.clock.advance(300_000)
        goOn()
        await stage.run(producer.flush())
        assert.deepEqual(valuesOf(stage.cluster, 'stuck'), values)
        await stage.run(producer.close())
        assert.deepEqual(machine.errors, [])
      },
      { topics: { stuck: 1 } },
    ))

  it('takes records again where an earlier process left it full of settled ones', () =>
    onMachine(
      async (machine, stage) => {
        const toStuck = { topic: 'stuck', partition: 0 }
        const takeNothing = { ...toStuck, drop: false, error: 'NOT_LEADER_OR_FOLLOWER' } as const
        const goOn = holdBack(stage.cluster, takeNothing)
        const small = { maxBytes: 2 ** 20 }
        const first = machine.producer(small)
        const value = 'x'.repeat(8000)
        await stage.run(first.submit({ ...toStuck, value: 'waits' }))
        let sent = 0
        while (first.status().spool!.bytes < small.maxBytes) {
          await stage.run(first.send({ topic: 'orders', value }))
          sent++
        }
        await stage.clock.advance(20)
        machine.kill()
        const second = machine.producer(small)
        await stage.run(second.submit({ topic: 'orders', value }))
        goOn()
        await stage.run(second.flush())
        assert.deepEqual(valuesOf(stage.cluster, 'stuck'), ['waits'])
        assert.equal(valuesOf(stage.cluster, 'orders').length, sent + 1)
        await stage.run(second.close())
        assert.deepEqual(machine.errors, [])
      },
      { topics: { stuck: 1 } },
    ))

  it('frees the space of files that it has read and removed', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const first = machine.producer()
      const value = 'x'.repeat(8000)
      for (let id = 0; id < 50; id++) await stage.run(first.submit({ topic: 'orders', value }))
      machine.kill()
      stage.cluster.node(1).blackHole(false)
      // There is no space for the reserve of 2 MiB until the first file is gone.
      machine.disk.delete('spool/reserve')
      machine.disk.capacityBytes = 2 ** 21 + 200_000
      const second = machine.producer()
      await stage.run(second.flush())
      await stage.clock.advance(1000)
      assert.equal(second.status().spool!.isDiskFull, false)
      await stage.run(second.submit({ topic: 'orders', value }))
      await stage.run(second.close())
      assert.deepEqual(machine.disk.paths(), [])
    }))

  it('close() leaves on disk what is not delivered in time', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const first = machine.producer()
      const sent = rejectionOf(first.send({ topic: 'orders', value: '0' }))
      await stage.run(first.submit({ topic: 'orders', value: '1' }))
      const report = await stage.run(first.close({ timeoutMs: 100 }))
      assert.deepEqual(report, { delivered: 0, failed: 0, undelivered: 0, spooled: 2 })
      const { code, persisted } = await sent
      assert.deepEqual([code, persisted], ['ABORTED', 'maybe'], 'it is delivered later')
      assert.deepEqual(
        machine.errors.map((error) => error.persisted),
        ['maybe'],
        'a record without a receiver is not reported: it is in the spool',
      )
      stage.cluster.node(1).blackHole(false)
      const second = machine.producer()
      await stage.run(second.flush())
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0', '1'])
      await stage.run(second.close())
    }))

  it('status() shows the spool, and is ready without brokers while there is space', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const producer = machine.producer({ maxBytes: 2 ** 20 })
      await stage.run(Promise.resolve(producer.submit({ topic: 'orders', value: 'a' })))
      await stage.clock.advance(60_000)
      const { isReady, spool } = producer.status()
      assert.equal(isReady, true)
      assert.deepEqual([spool?.records, spool?.maxBytes, spool?.isDiskFull], [1, 2 ** 20, false])
      assert.ok((spool?.oldestMs ?? 0) >= 60_000, `${spool?.oldestMs} ms`)
      const value = 'x'.repeat(20_000)
      while (producer.enqueue({ topic: 'orders', value })) await stage.run(producer.flushSpool())
      assert.equal(producer.status().isReady, false)
      stage.cluster.node(1).blackHole(false)
      await stage.run(producer.flush())
      await stage.run(producer.ready())
      await stage.run(producer.flushSpool())
      assert.deepEqual([producer.status().isReady, producer.status().spool?.oldestMs], [true, null])
      await stage.run(producer.close())
    }))

  it('rejects records past maxBytes, and takes them again when there is space', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const producer = machine.producer({ maxBytes: 2 ** 20 })
      await stage.run(producer.ready())
      const value = 'x'.repeat(20_000)
      let taken = 0
      for (; producer.enqueue({ topic: 'orders', value }); taken++) {
        await stage.run(producer.flushSpool())
      }
      assert.ok(taken > 45 && taken < 60, `${taken} records`)
      const submit = producer.submit({ topic: 'orders', value }, null, { timeoutMs: 100 })
      assert.equal((await stage.run(rejectionOf(submit))).persisted, 'no')
      stage.cluster.node(1).blackHole(false)
      await stage.run(producer.ready())
      assert.ok(producer.enqueue({ topic: 'orders', value }))
      await stage.run(producer.flush())
      assert.equal(stage.cluster.records('orders').length, taken + 1)
      await stage.run(producer.close())
    }))

  it('is rejected by a directory that is in use: every call says so', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer()
      await stage.run(first.ready())
      const second = machine.producer()
      const error = await stage.run(rejectionOf(second.send({ topic: 'orders', value: '0' })))
      assert.equal(error.code, 'SPOOL_LOCKED')
      assert.match(error.message, /Spool spool is in use by process 1 on test/)
      assert.equal(error.message.split('Spool spool').length, 2, 'it says so once')
      const thrown = thrownBy(() => second.enqueue({ topic: 'orders', value: '0' }))
      assert.equal(thrown.code, 'SPOOL_LOCKED')
      for (const call of [second.flush(), second.flushSpool()]) {
        assert.equal((await stage.run(rejectionOf(call))).code, 'SPOOL_LOCKED')
      }
      assert.deepEqual(
        machine.errors.map(({ code }) => code),
        ['SPOOL_LOCKED', 'SPOOL_LOCKED'],
      )
      await stage.run(second.close())
      await stage.run(first.close())
    }))

  it('ends when the disk fails: what is on it is for the next process', () =>
    onMachine(async (machine, stage) => {
      const first = machine.producer({ durability: 'machine' })
      await stage.run(first.send({ topic: 'orders', value: '0' }))
      machine.disk.failing = (operation) => (operation === 'sync' ? 'EIO' : null)
      const flushed = rejectionOf(Promise.resolve().then(() => first.flush()))
      const failed = await stage.run(rejectionOf(first.submit({ topic: 'orders', value: '1' })))
      assert.equal(failed.code, 'SPOOL_FAILED')
      assert.equal(failed.persisted, 'maybe')
      assert.equal((await stage.run(flushed)).code, 'SPOOL_FAILED')
      const next = await stage.run(rejectionOf(first.send({ topic: 'orders', value: '2' })))
      assert.equal(next.code, 'SPOOL_FAILED')
      machine.disk.failing = () => null
      await stage.run(first.close())
      // The spool's own error and that of send(): none for what is in the spool.
      assert.deepEqual(
        machine.errors.map(({ code }) => code),
        ['SPOOL_FAILED', 'SPOOL_FAILED'],
      )
      const second = machine.producer()
      await stage.run(second.send({ topic: 'orders', value: '3' }))
      const values = valuesOf(stage.cluster, 'orders')
      assert.deepEqual(
        values.filter((value) => value !== '1'),
        ['0', '3'],
      )
      await stage.run(second.close())
    }))

  it('counts what stays on disk as spooled, not as failed, where the spool has failed', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const first = machine.producer()
      for (const one of numbered('orders', 5)) await stage.run(first.submit(one))
      await stage.clock.advance(1000)
      machine.disk.failing = (operation) => (operation === 'write' ? 'EIO' : null)
      await stage.run(rejectionOf(first.submit({ topic: 'orders', value: '5' })))
      await stage.clock.advance(1000)
      const report = await stage.run(first.close())
      assert.deepEqual(
        { ...report, spooled: 0 },
        { delivered: 0, failed: 0, undelivered: 0, spooled: 0 },
      )
      assert.deepEqual(
        machine.errors.map(({ code }) => code),
        ['SPOOL_FAILED'],
      )
    }))

  it('is rejected together with transactions, and without idempotence', () => {
    const options = { brokers: 'localhost:9092', spool: { directory: 'spool' } }
    const together = thrownBy(() => new Producer({ ...options, transactionalId: 'a' }))
    assert.equal(together.code, 'INVALID_OPTION')
    assert.match(together.message, /spool and transactionalId exclude each other/)
    assert.match(thrownBy(() => new Producer({ ...options, acks: 1 })).message, /spool needs/)
  })

  it('names what is wrong with the option', () => {
    const wrong = { maxBytes: 5, durability: 'disk', depth: 1 }
    const spool = wrong as unknown as SpoolOption
    const { message } = thrownBy(() => new Producer({ brokers: 'localhost:9092', spool }))
    assert.match(message, /spool is invalid: directory is missing/)
    assert.match(message, /maxBytes must be a whole number from 1048576, got 5/)
    assert.match(message, /durability must be 'process' or 'machine', got "disk"/)
    assert.match(message, /unknown field depth/)
  })
})
