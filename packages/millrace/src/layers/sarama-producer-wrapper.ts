// Layer 2 for callers of its older interface: the same producer under the old names.

import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordData, RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import type { KeyOrTopic } from './message.ts'
import { type MessageProducer, ProducerType } from './message-producer.ts'

/**
 * Any of layer 2's producers behind the older interface.
 *
 * @example
 * const wrapper = new SaramaProducerWrapper(new SyncProducer('localhost:9092'))
 * if (wrapper.isSync()) await wrapper.sendMessage({ topic: 'orders' }, 'x')
 * await wrapper.closeProducer()
 */
export class SaramaProducerWrapper {
  readonly #producer: MessageProducer

  /** Wraps the producer; `closeProducer` closes it. */
  constructor(producer: MessageProducer) {
    this.#producer = producer
  }

  /** As `sendMessage` of the producer within. */
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

  /** Whether the producer within is asynchronous. */
  isAsync(): boolean {
    return this.producerTyp() === ProducerType.Async
  }

  /** Whether the producer within is synchronous. */
  isSync(): boolean {
    return this.producerTyp() === ProducerType.Sync
  }
}
