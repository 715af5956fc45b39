// The layers with a spool: what they took is on disk, and a later process delivers it, once.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KafkaError, RecordMetadata } from '../../src/index.ts'
import { AsyncProducer, KafkaProducer, type Message, SyncProducer } from '../../src/layers.ts'
import { inOrder, rejectionOf, valuesOf } from './producer-kit.ts'
import { onMachine } from './spool-machine.ts'

const place = { topic: 'orders', key: 'k' }

describe('with a spool', () => {
  it('AsyncProducer: what was taken before a kill is delivered by the next one, once', () =>
    onMachine(async (machine, stage) => {
      stage.cluster.node(1).blackHole(true)
      const first = machine.start()
      const before = new AsyncProducer(first.target, undefined, first.environment)
      for (const message of inOrder(20))
        await stage.run(Promise.resolve(before.sendMessage(place, message)))
      machine.kill()
      stage.cluster.node(1).blackHole(false)
      const delivered: number[] = []
      const handler = {
        handleSuccess: (_message: Message, { offset }: RecordMetadata) => delivered.push(offset),
        handleError: (error: KafkaError) => assert.fail(String(error)),
      }
      const second = machine.start()
      const after = new AsyncProducer(second.target, handler, second.environment)
      await stage.run(Promise.resolve(after.sendMessage(place, '20')))
      await stage.run(after.close())
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), inOrder(21))
      assert.deepEqual(delivered, [20])
      assert.deepEqual(machine.disk.paths(), [])
    }))

  it('SyncProducer resolves when Kafka has the message, and close() leaves the rest on disk', () =>
    onMachine(async (machine, stage) => {
      const first = machine.start()
      const sync = new SyncProducer(first.target, first.environment)
      await stage.run(sync.sendMessage(place, '0'))
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0'])
      stage.cluster.node(1).blackHole(true)
      const waiting = rejectionOf(sync.sendMessage(place, '1'))
      await stage.clock.advance(100)
      await stage.run(sync.close({ timeoutMs: 100 }))
      assert.equal((await waiting).code, 'ABORTED')
      stage.cluster.node(1).blackHole(false)
      const second = machine.start()
      const next = new SyncProducer(second.target, second.environment)
      await stage.run(next.sendMessage(place, '2'))
      assert.deepEqual(valuesOf(stage.cluster, 'orders'), ['0', '1', '2'])
      await stage.run(next.close())
    }))

  it('KafkaProducer with dead letters: onError gets the message, marked as dead-lettered', () =>
    onMachine(
      async (machine, stage) => {
        const failed: [KafkaError, Message][] = []
        const { target, environment } = machine.start({}, { deadLetter: { topic: 'letters' } })
        const onError = (error: KafkaError, message: Message) => failed.push([error, message])
        const producer = new KafkaProducer(target, { async: true, onError }, environment)
        await stage.run(producer.send({ topic: 'orders', value: Buffer.from('x'.repeat(200)) }))
        await stage.run(producer.close())
        assert.equal(failed.length, 1)
        assert.equal(failed[0]![0].isDeadLettered, true)
        assert.equal(failed[0]![1].topic, 'orders')
        assert.equal(valuesOf(stage.cluster, 'letters').length, 1)
        assert.deepEqual(machine.errors, [])
      },
      {
        topics: { orders: { partitions: 1, config: { 'max.message.bytes': '100' } }, letters: 1 },
      },
    ))
})
