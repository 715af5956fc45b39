// Layer 2, asynchronous: sendMessage resolves when the message is in the buffer, and each result
// goes to a handler. It owns its producer and closes it. Applications create it; BatchAsyncProducer
// extends it.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { readArgument } from '../producer/field-check.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import type { RecordData } from '../producer/record.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { type AsyncResultHandler, defaultAsyncResultHandler } from './async-result-handler.ts'
import { HandledProducer, type ResultCallbacks } from './handled-producer.ts'
import { type KeyOrTopic, messageOf } from './message.ts'
import { type MessageProducer, ProducerType } from './message-producer.ts'
import { type Target, targetOptions } from './target.ts'

const silent: ResultCallbacks = { onSuccess: null, onError: null }

const callbacksOf = (handler: AsyncResultHandler): ResultCallbacks => {
  if (handler === defaultAsyncResultHandler) return silent
  const isHandler = readArgument('handler', () => {
    const { handleSuccess, handleError } = handler ?? {}
    return typeof handleSuccess === 'function' && typeof handleError === 'function'
  })
  if (!isHandler) {
    throw new KafkaError(
      'INVALID_ARGUMENT',
      'handler must be an object with the functions handleSuccess and handleError, ' +
        `got ${describeValue(handler)}`,
    )
  }
  return {
    onSuccess: (metadata, message) => handler.handleSuccess(message, metadata),
    onError: (error, message) => handler.handleError(error, message),
  }
}

/**
 * Layer 2: accepts messages without waiting for their results; each result goes to the handler.
 * Messages are sent at once, and form batches while requests are in flight. BatchAsyncProducer
 * waits for a count or a time instead.
 *
 * @example
 * const producer = new AsyncProducer('localhost:9092', {
 *   handleSuccess: (message, { partition, offset }) => console.log(message.key, partition, offset),
 *   handleError: (error, message) => console.error(message.key, error.code),
 * })
 * await producer.sendMessage({ topic: 'clicks', key: '42' }, 'x')
 * await producer.close()
 */
export class AsyncProducer implements MessageProducer {
  readonly #producer: HandledProducer

  /** Throws INVALID_OPTION if an option of the target is invalid. Opens no connection. */
  constructor(target: Target, handler?: AsyncResultHandler)
  /** @internal */
  constructor(target: Target, handler?: AsyncResultHandler, environment?: ProducerEnvironment)
  constructor(
    target: Target,
    handler: AsyncResultHandler = defaultAsyncResultHandler,
    environment?: ProducerEnvironment,
  ) {
    const options: ProducerOptions = targetOptions(target)
    this.#producer = new HandledProducer(options, callbacksOf(handler), environment)
  }

  /**
   * Resolves when the message is in the buffer; waits while the buffer is full. Rejects if the
   * message was not accepted: it is invalid, the producer is closed, there is no space within
   * maxBlockMs, or `options` ended the wait. The handler is not called then. Once the message is
   * accepted, `options` limit its delivery.
   */
  sendMessage(
    keyOrTopic: KeyOrTopic,
    value: RecordData | null,
    options?: WaitOptions,
  ): Promise<undefined> {
    return this.#producer.submit(messageOf(keyOrTopic, value), options)
  }

  /**
   * Sends the buffered messages; resolves when every message sent before the call has its result.
   */
  flush(options?: WaitOptions): Promise<void> {
    return this.#producer.flush(options)
  }

  /**
   * Accepts no more messages; resolves when the handler was called for each. With `timeoutMs` or
   * `signal`, messages without a result at that time fail with ABORTED. A second call returns the
   * same promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    return this.#producer.close(options)
  }

  /** Returns `ProducerType.Async`. */
  type(): ProducerType {
    return ProducerType.Async
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}
