// Layer 2's older interface: wraps a producer of layer 2 and adds the old method names. It must not
// change the behavior of the wrapped producer, which it owns and closes. Applications create it.

import { readArgument } from '../producer/field-check.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { KeyOrTopic } from './message.ts'
import { type MessageProducer, ProducerType } from './message-producer.ts'

/**
 * Wraps any producer of layer 2 and adds the older interface.
 *
 * @example
 * const wrapper = new SaramaProducerWrapper(new SyncProducer('localhost:9092'))
 * if (wrapper.isSync()) await wrapper.sendMessage({ topic: 'orders' }, 'x')
 * await wrapper.closeProducer()
 */
export class SaramaProducerWrapper {
  readonly #producer: MessageProducer

  /**
   * Wraps the producer; `closeProducer` closes it. Throws INVALID_ARGUMENT if it is not a producer
   * of layer 2.
   */
  constructor(producer: MessageProducer) {
    const isProducer = readArgument('producer', () => {
      const { sendMessage, close, type } = producer ?? {}
      return [sendMessage, close, type].every((method) => typeof method === 'function')
    })
    if (!isProducer) {
      throw new KafkaError(
        'INVALID_ARGUMENT',
        'producer must be an object with the functions sendMessage, close and type, ' +
          `got ${describeValue(producer)}`,
      )
    }
    this.#producer = producer
  }

  /** Calls `sendMessage` of the wrapped producer. */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<RecordMetadata | undefined> {
    return this.#producer.sendMessage(keyOrTopic, value, options)
  }

  /** Closes the wrapped producer. */
  closeProducer(options?: WaitOptions): Promise<CloseReport> {
    return this.#producer.close(options)
  }

  /** 0 = sync, 1 = async. */
  producerTyp(): ProducerType {
    return this.#producer.type()
  }

  /** Whether the wrapped producer is asynchronous. */
  isAsync(): boolean {
    return this.producerTyp() === ProducerType.Async
  }

  /** Whether the wrapped producer is synchronous. */
  isSync(): boolean {
    return this.producerTyp() === ProducerType.Sync
  }
}
