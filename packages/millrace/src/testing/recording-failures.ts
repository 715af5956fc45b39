// The failures that a test has requested from a RecordingProducer, and their assignment to records.
// It owns the list of requests, oldest first. Callers: recording-producer.ts and
// recording-sender.ts.

import { type ErrorCode, errorCodes, KafkaError } from '../protocol/kafka-error.ts'
import { describeValue } from '../runtime/value-kinds.ts'

/** Which records fail. */
export interface FailNextOptions {
  /** Only records of this topic fail; other records are not counted. */
  readonly topic?: string | undefined
  /** The number of records that fail; 1 by default. */
  readonly count?: number | undefined
  /** The number of records that succeed before; 0 by default. `{ after: 2 }` fails the third. */
  readonly after?: number | undefined
}

interface Order {
  readonly error: KafkaError
  readonly topic: string | undefined
  count: number
  after: number
}

const countOf = (name: string, value: number | undefined, fallback: number): number => {
  const count = value ?? fallback
  if (count === Number.POSITIVE_INFINITY || (Number.isInteger(count) && count >= 0)) return count
  throw new KafkaError('INVALID_ARGUMENT', `${name} must be a whole number from 0, got ${count}`)
}

const errorOf = (error: KafkaError | ErrorCode): KafkaError => {
  if (error instanceof KafkaError) return error
  if (Object.hasOwn(errorCodes, error)) return new KafkaError(error, `failed on purpose: ${error}`)
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `error must be a KafkaError, got ${describeValue(error)}`,
  )
}

export class OrderedFailures {
  readonly #orders: Order[] = []

  add(error: KafkaError | ErrorCode, { topic, count, after }: FailNextOptions = {}): void {
    this.#orders.push({
      error: errorOf(error),
      topic,
      count: countOf('count', count, 1),
      after: countOf('after', after, 0),
    })
  }

  /** The error for the next record of this topic; the oldest request that applies is used. */
  failureOf(topic: string): KafkaError | null {
    let found: KafkaError | null = null
    for (const order of this.#orders) {
      if (order.topic !== undefined && order.topic !== topic) continue
      if (order.after > 0) order.after--
      else if (found === null && order.count > 0) {
        order.count--
        found = order.error
      }
    }
    return found
  }

  clear(): void {
    this.#orders.length = 0
  }
}
