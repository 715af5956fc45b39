// Layer 1: a producer with two modes. Async: messages are collected until a count or a time, and
// results go to callbacks. Sync: each call waits for its acknowledgements. acks must always be
// 'all'. It owns its producer; the engine counts and times. Applications create it.

import { checkRecords } from '../producer/caller-records.ts'
import type { ProducerEnvironment } from '../producer/environment.ts'
import { Producer } from '../producer/producer.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { RecordMetadata } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import { BatchError, type BatchFailure } from './batch-error.ts'
import { sendInTurn } from './batch-in-turn.ts'
import { HandledProducer } from './handled-producer.ts'
import type { Message } from './message.ts'
import { type ProducerConfigInput, validateProducerConfig } from './producer-config.ts'
import { requireAllAcks, type Target, targetOptions, withFlush } from './target.ts'

/** The interface of layer 1, for code that accepts any implementation. */
export interface BufferedProducer {
  /** Sends one message; see `KafkaProducer.send`. */
  send(message: Message, options?: WaitOptions): Promise<RecordMetadata | undefined>
  /** Sends messages in order; see `KafkaProducer.sendBatch`. */
  sendBatch(
    messages: readonly Message[],
    options?: WaitOptions,
  ): Promise<readonly RecordMetadata[] | undefined>
  /** Accepts no more messages; resolves when each has its result. */
  close(options?: WaitOptions): Promise<CloseReport>
}

/** The result of a call: undefined in async mode, the metadata of the messages in sync mode. */
type Sent<Async extends boolean, Result> = Async extends true ? undefined : Result

/**
 * Layer 1: a buffered producer. In async mode (the default) `send` and `sendBatch` resolve when the
 * messages are in the buffer, which is flushed at `batchSize` messages or `batchTimeoutMs` after
 * the first one; results reach `onSuccess` and `onError`. With `async: false` they resolve when the
 * messages are acknowledged, with partition, offset and timestamp.
 *
 * @example
 * const producer = new KafkaProducer('localhost:9092', { batchSize: 200, batchTimeoutMs: 3000 })
 * await producer.send({ topic: 'orders', key: '42', value: '{}' })
 * await producer.close()
 */
export class KafkaProducer<const Async extends boolean = true> implements BufferedProducer {
  readonly #sync: Producer | null
  readonly #async: HandledProducer | null

  /**
   * Throws INVALID_OPTION if the target has an `acks` other than 'all', or if a setting is invalid.
   */
  constructor(target: Target, config?: ProducerConfigInput & { readonly async?: Async | undefined })
  /** @internal */
  constructor(
    target: Target,
    config?: ProducerConfigInput & { readonly async?: Async | undefined },
    environment?: ProducerEnvironment,
  )
  constructor(
    target: Target,
    config: ProducerConfigInput & { readonly async?: Async | undefined } = {},
    environment?: ProducerEnvironment,
  ) {
    const { async, batchSize, batchTimeoutMs, onSuccess, onError } = validateProducerConfig(config)
    const options = targetOptions(target)
    requireAllAcks(options, 'KafkaProducer')
    this.#sync = async ? null : new Producer(options, environment)
    this.#async = async
      ? new HandledProducer(
          withFlush(
            options,
            { records: batchSize, intervalMs: batchTimeoutMs },
            'batchSize and batchTimeoutMs',
          ),
          { onSuccess: onSuccess ?? null, onError: onError ?? null },
          environment,
        )
      : null
  }

  /**
   * Sends one message. Async mode: resolves when it is in the buffer, and waits while the buffer is
   * full; rejects if the message was not accepted, and then no callback is called. Sync mode:
   * resolves with its metadata when it is acknowledged. `options` limit the delivery in both modes.
   */
  send(message: Message, options?: WaitOptions): Promise<Sent<Async, RecordMetadata>> {
    const sent =
      this.#async === null
        ? this.#sync!.send(message, options)
        : this.#async.submit(message, options)
    return sent as Promise<Sent<Async, RecordMetadata>>
  }

  /**
   * Sends messages in order, in as few requests as possible. Async mode: resolves when all are in
   * the buffer. Sync mode: resolves with their metadata when all are acknowledged. Rejects with a
   * BatchError that lists every message that failed (in async mode: that was not accepted). The
   * array must not change until then.
   */
  sendBatch(
    messages: readonly Message[],
    options?: WaitOptions,
  ): Promise<Sent<Async, readonly RecordMetadata[]>> {
    const promise = this.#sendAll(messages, options)
    // A rejection that the caller does not await must not become an unhandled rejection, and must
    // be reported. In sync mode the producer reports each failure; in async mode this line does.
    promise.catch((error) => this.#async?.report(error))
    return promise
  }

  async #sendAll(
    messages: readonly Message[],
    options: WaitOptions | undefined,
  ): Promise<Sent<Async, readonly RecordMetadata[]>> {
    checkRecords('messages', messages)
    const sent =
      this.#async === null
        ? await this.#sendAcknowledged(this.#sync!, messages, options)
        : await sendInTurn(this.#async, messages, options)
    return sent as Sent<Async, readonly RecordMetadata[]>
  }

  async #sendAcknowledged(
    producer: Producer,
    messages: readonly Message[],
    options: WaitOptions | undefined,
  ): Promise<readonly RecordMetadata[]> {
    const { results, failedIndexes } = await producer.sendBatch(messages, options)
    if (failedIndexes.length === 0) return results as RecordMetadata[]
    const failures = failedIndexes.map(
      (index): BatchFailure => ({ index, error: results[index] as KafkaError }),
    )
    throw new BatchError(failures, messages.length, messages.length - failures.length)
  }

  /**
   * Sends the buffered messages; resolves when every message sent before the call has its result.
   */
  flush(options?: WaitOptions): Promise<void> {
    return (this.#async ?? this.#sync!).flush(options)
  }

  /**
   * Accepts no more messages, flushes, and resolves when every message has its result. With
   * `timeoutMs` or `signal`, messages without a result at that time fail with ABORTED. A second
   * call returns the same promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    return (this.#async ?? this.#sync!).close(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
