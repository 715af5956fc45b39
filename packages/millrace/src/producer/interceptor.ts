// The contract of the option `interceptors`, and its check. interceptors.ts calls what is given;
// option-table.ts rejects what is not an interceptor.

import type { ProducerRecord, RecordMetadata } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue, messageOf } from '../runtime/value-kinds.ts'
import type { MetricsOptions, ProducerMetrics } from './metrics.ts'

/** Sees every record on its way in, and its result. */
export interface ProducerInterceptor {
  /**
   * Called before the record is checked and taken; what it returns is sent instead. It must not
   * change the record: to add a header, return a new one.
   */
  onSend?(record: ProducerRecord): ProducerRecord
  /**
   * Called with what this interceptor's onSend returned, and its result: never inside a call of the
   * user's, save for a record that is rejected at once.
   */
  onSettled?(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void
}

/** The producer that an interceptor is made for, while its constructor still runs. */
export interface InterceptedProducer {
  /** As `Producer.metrics`: its client id, and counts once it sends. */
  metrics(options?: MetricsOptions): ProducerMetrics
}

/** An interceptor, or a function that makes one for each producer that is given the option. */
export type InterceptorOption =
  | ProducerInterceptor
  | ((producer: InterceptedProducer) => ProducerInterceptor)

/** What is wrong with the value of the option, as the end of a sentence; null = nothing. */
export const interceptorsProblem = (value: unknown): string | null => {
  const expected = 'must be an array of objects with onSend or onSettled'
  if (!Array.isArray(value)) return `${expected}, got ${describeValue(value)}`
  for (const [index, one] of value.entries()) {
    if (typeof one === 'function' || isInterceptor(one)) continue
    return `${expected}, got ${describeValue(one)} at index ${index}`
  }
  return null
}

const isInterceptor = (value: unknown): value is ProducerInterceptor => {
  const { onSend, onSettled } = (value ?? {}) as Record<string, unknown>
  const calls = [onSend, onSettled].filter((call) => call !== undefined)
  return calls.length > 0 && calls.every((call) => typeof call === 'function')
}

/** The interceptors for one producer. Throws INVALID_OPTION if a function makes none. */
export const interceptorsFor = (
  producer: InterceptedProducer,
  options: readonly InterceptorOption[],
): readonly ProducerInterceptor[] =>
  options.map((option, index) => {
    if (typeof option !== 'function') return option
    const name = `interceptors[${index}]`
    let made: unknown
    try {
      made = option(producer)
    } catch (cause) {
      const message = `${name} threw: ${messageOf(cause)}`
      throw new KafkaError('INVALID_OPTION', message, { cause })
    }
    if (isInterceptor(made)) return made
    const message = `${name} must return an object with onSend or onSettled`
    throw new KafkaError('INVALID_OPTION', `${message}, got ${describeValue(made)}`)
  })
