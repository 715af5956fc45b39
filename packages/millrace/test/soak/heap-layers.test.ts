// The memory of both layers after a forced collection, as heap.test.ts measures that of a Producer:
// what a layer holds for each message (its callbacks, the errors of a batch) must end with the
// message's result. MILLRACE_HEAP_SCALE=1 is the full size; by default it is a tenth.

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { KafkaError, ProducerOptions, WaitOptions } from '../../src/index.ts'
import {
  AsyncProducer,
  BatchAsyncProducer,
  BatchError,
  KafkaProducer,
  type Message,
  type MessageProducer,
  SaramaProducerWrapper,
  SyncProducer,
} from '../../src/layers.ts'
import type { ProducerEnvironment } from '../../src/producer/environment.ts'
import { checkGrowth, scale, stageFor } from './heap-stage.ts'

/** A sender of the layers. `onFailed` is called once for each message that failed. */
interface Sender {
  send(messages: readonly Message[], options?: WaitOptions): Promise<unknown>
  close(options: WaitOptions): Promise<unknown>
}

type Make = (
  target: ProducerOptions,
  environment: ProducerEnvironment,
  onFailed: (error: KafkaError) => void,
) => Sender

const batchTimes = { batchSize: 100, batchTimeoutMs: 10 }

/** Of an array, an asynchronous sender rejects what was not accepted. */
const eachFailure =
  (onFailed: (error: KafkaError) => void) =>
  (thrown: unknown): void => {
    if (thrown instanceof BatchError) for (const { error } of thrown.failures) onFailed(error)
    else onFailed(thrown as KafkaError)
  }

const layer2 = (
  producer: Pick<MessageProducer, 'sendMessage'>,
  close: Sender['close'],
  onFailed: (error: KafkaError) => void,
): Sender => ({
  send: (messages, options) =>
    Promise.all(
      messages.map((message) =>
        producer.sendMessage(message, message.value, options).catch(eachFailure(onFailed)),
      ),
    ),
  close,
})

const senders: Readonly<Record<string, Make>> = {
  'KafkaProducer in async mode': (target, environment, onFailed) => {
    const config = { ...batchTimes, onSuccess() {}, onError: onFailed }
    const producer = new KafkaProducer(target, config, environment)
    return {
      send: (messages, options) =>
        producer.sendBatch(messages, options).catch(eachFailure(onFailed)),
      close: (options) => producer.close(options),
    }
  },
  'KafkaProducer in sync mode': (target, environment, onFailed) => {
    const producer = new KafkaProducer(target, { async: false }, environment)
    return {
      send: (messages, options) =>
        producer.sendBatch(messages, options).catch(eachFailure(onFailed)),
      close: (options) => producer.close(options),
    }
  },
  SyncProducer: (target, environment, onFailed) => {
    const producer = new SyncProducer(target, environment)
    return layer2(producer, (options) => producer.close(options), onFailed)
  },
  'AsyncProducer in a SaramaProducerWrapper': (target, environment, onFailed) => {
    const handler = { handleSuccess() {}, handleError: onFailed }
    const wrapper = new SaramaProducerWrapper(new AsyncProducer(target, handler, environment))
    return layer2(wrapper, (options) => wrapper.closeProducer(options), onFailed)
  },
  BatchAsyncProducer: (target, environment, onFailed) => {
    const handler = { handleSuccess() {}, handleError: onFailed }
    const settings = { batchSize: 100, batchIntervalMs: 10 }
    const producer = new BatchAsyncProducer(target, handler, settings, environment)
    return layer2(producer, (options) => producer.close(options), onFailed)
  },
}

const onStage = async (
  make: Make,
  context: TestContext,
  topics: Record<string, number>,
  body: (stage: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> => {
  const stage = await open(make, context, topics)
  await body(stage)
  await stage.settled(stage.sender.close({ timeoutMs: 100 }))
  await stage.end()
}

const open = async (make: Make, context: TestContext, topics: Record<string, number>) => {
  const stage = await stageFor(topics)
  const counts = { failed: 0 }
  const codes = new Set<string>()
  const sender = make(stage.target, stage.environment, ({ code }) => {
    counts.failed++
    codes.add(code)
  })
  const check = (what: string): Promise<void> => checkGrowth(context, stage.before, what)
  return { ...stage, sender, counts, codes, check }
}

for (const [name, make] of Object.entries(senders)) {
  describe(`the memory of ${name} stays within bufferMemoryBytes and 40 MiB`, () => {
    it('after sends that were cancelled during an outage', (context) =>
      onStage(make, context, { t: 1 }, async (stage) => {
        const { clock, cluster, sender, settled, counts, codes, check } = stage
        cluster.node(1).stop()
        for (let wave = 0; wave < 200 * scale; wave++) {
          const messages = Array.from({ length: 1000 }, () => ({
            topic: 't',
            value: 'x'.repeat(20),
          }))
          const sent = sender.send(messages, { timeoutMs: 10 })
          await clock.advance(20)
          await settled(sent)
        }
        await check('while the outage lasts')
        assert.deepEqual([counts.failed, [...codes]], [200_000 * scale, ['TIMEOUT']])
      }))

    it('after 60 s of an error that is retried, in many partitions', (context) => {
      const partitions = 1000 * scale
      return onStage(make, context, { t: partitions }, async (stage) => {
        const { clock, cluster, sender, settled, counts, check } = stage
        const count = Number.POSITIVE_INFINITY
        const fault = cluster.fault({ api: 'Produce', error: 'NOT_ENOUGH_REPLICAS', count })
        const messages = Array.from({ length: partitions }, (_, partition) => ({
          topic: 't',
          partition,
          value: 'x',
        }))
        const sent = sender.send(messages)
        await clock.advance(60_000)
        await check('during the outage')
        fault.remove()
        await settled(sent)
        await clock.advance(5000)
        assert.equal(counts.failed, 0)
        assert.equal(cluster.records('t').length, partitions + 1)
      })
    })

    it('after very many topics that were used once', (context) =>
      onStage(make, context, { t: 1 }, async (stage) => {
        const { clock, cluster, sender, settled, counts, check } = stage
        for (let wave = 0; wave < 200 * scale; wave++) {
          const names = Array.from({ length: 500 }, (_, index) => `topic-${wave}-${index}`)
          for (const topic of names) cluster.createTopic(topic, 1)
          await settled(sender.send(names.map((topic) => ({ topic, value: 'x' }))))
          await clock.advance(100)
          for (const topic of names) cluster.deleteTopic(topic)
        }
        await check('after the last topic')
        assert.equal(counts.failed, 0)
      }))

    it('after rejected messages of 200 MB', (context) =>
      onStage(make, context, { t: 1 }, async (stage) => {
        const { sender, settled, counts, codes, check } = stage
        const reject = async (): Promise<void> => {
          const value = Buffer.alloc(200_000_000)
          for (const each of [value, value.toString('latin1')]) {
            for (let count = 0; count < 50 * scale; count++) {
              await settled(sender.send([{ topic: 't', value: each }]))
            }
          }
        }
        await reject()
        await check('after the last message')
        assert.deepEqual([counts.failed, [...codes]], [100 * scale, ['RECORD_TOO_LARGE']])
      }))
  })
}
