// Owns the interface of the option `interceptors`, and its check. Callers: interceptors.ts calls
// the interceptors; option-table.ts rejects invalid values. Invariant: an interceptor must not
// change the record that it gets.

import type { ProducerRecord, RecordMetadata } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue, messageOf } from '../runtime/value-kinds.ts'
import type { MetricsOptions, ProducerMetrics } from './metrics.ts'

/** Gets every record before it is sent, and its result. */
export interface ProducerInterceptor {
  /**
   * Called before the record is checked and accepted; the returned record is sent instead. It must
   * not change the record: to add a header, return a new one.
   */
  onSend?(record: ProducerRecord): ProducerRecord
  /**
   * Called with the record that this interceptor's onSend returned, and its result. It is never
   * called inside a call of the user, except for a record that is rejected at once.
   */
  onSettled?(
    record: ProducerRecord,
    error: KafkaError | null,
    metadata: RecordMetadata | null,
  ): void
}

/** The producer that an interceptor is created for, while its constructor is still running. */
export interface InterceptedProducer {
  /** Like `Producer.metrics`: its client id, and counters once it sends. */
  metrics(options?: MetricsOptions): ProducerMetrics
}

/** An interceptor, or a function that creates one for each producer with the option. */
export type InterceptorOption =
  | ProducerInterceptor
  | ((producer: InterceptedProducer) => ProducerInterceptor)

/** The problem with the value of the option, as the end of a sentence; null = none. */
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

/** The interceptors of one producer. Throws INVALID_OPTION if a function returns none. */
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
