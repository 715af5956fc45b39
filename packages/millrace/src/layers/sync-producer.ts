// Layer 2, synchronous: sendMessage resolves when all in-sync replicas have acknowledged the
// message. It owns its producer and closes it. Applications create it.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { Producer } from '../producer/producer.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { type KeyOrTopic, messageOf } from './message.ts'
import { type MessageProducer, ProducerType } from './message-producer.ts'
import { requireAllAcks, type Target, targetOptions } from './target.ts'

/**
 * Layer 2: sends a message and waits for its acknowledgement. Concurrent calls share requests.
 *
 * @example
 * const producer = new SyncProducer('localhost:9092')
 * const { partition, offset } = await producer.sendMessage({ topic: 'orders', key: '42' }, '{}')
 * await producer.close()
 */
export class SyncProducer implements MessageProducer {
  readonly #producer: Producer

  /** Throws INVALID_OPTION if the target has an `acks` other than 'all'. */
  constructor(target: Target)
  /** @internal */
  constructor(target: Target, environment?: ProducerEnvironment)
  constructor(target: Target, environment?: ProducerEnvironment) {
    const options = targetOptions(target)
    requireAllAcks(options, 'SyncProducer')
    this.#producer = new Producer(options, environment)
  }

  /** Resolves with partition, offset and timestamp when the message is acknowledged. */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<RecordMetadata> {
    return this.#producer.send(messageOf(keyOrTopic, value), options)
  }

  /**
   * Accepts no more messages; resolves when each has its result. A second call returns the same
   * promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    return this.#producer.close(options)
  }

  /** Returns `ProducerType.Sync`. */
  type(): ProducerType {
    return ProducerType.Sync
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
