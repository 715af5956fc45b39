// Layer 2, asynchronous with batches: an AsyncProducer that sends its messages by count or by time.
// The engine counts and times; this file only sets the producer's option `flush`. Applications
// create it.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { readArgument } from '../producer/field-check.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import { AsyncProducer } from './async-producer.ts'
import type { AsyncResultHandler } from './async-result-handler.ts'
import { type Target, targetOptions, withFlush } from './target.ts'

/** When a BatchAsyncProducer sends its messages. */
export interface BatchSettings {
  /** At this many messages, of all topics together. */
  readonly batchSize: number
  /** … or this long after the first message of an empty buffer; 0 = by count only. */
  readonly batchIntervalMs: number
}

const flushOf = (settings: BatchSettings): { records: number; intervalMs: number } => {
  const given = readArgument('settings', () => ({ ...ownFields(settings) }), 'INVALID_OPTION')
  const { batchSize, batchIntervalMs, ...others } = given
  const problems = Object.keys(others).map(
    (name) => `Unknown setting "${name}". Settings: batchSize, batchIntervalMs`,
  )
  if (!(Number.isSafeInteger(batchSize) && batchSize > 0)) {
    problems.push(`batchSize must be a whole number of at least 1, got ${describeValue(batchSize)}`)
  }
  if (!(Number.isSafeInteger(batchIntervalMs) && batchIntervalMs >= 0)) {
    problems.push(
      `batchIntervalMs must be 0 or more milliseconds, got ${describeValue(batchIntervalMs)}`,
    )
  }
  if (problems.length > 0) throw new KafkaError('INVALID_OPTION', problems.join('; '))
  return { records: batchSize, intervalMs: batchIntervalMs }
}

/**
 * Layer 2: an AsyncProducer that collects messages and sends them at `batchSize` messages, or
 * `batchIntervalMs` after the first one. flush(), close(), and a full buffer also send the
 * collected messages.
 *
 * @example
 * const settings = { batchSize: 500, batchIntervalMs: 100 }
 * const producer = new BatchAsyncProducer('localhost:9092', defaultAsyncResultHandler, settings)
 * await producer.sendMessage({ topic: 'clicks', key: '42' }, 'x')
 * await producer.close()
 */
export class BatchAsyncProducer extends AsyncProducer {
  /** Throws INVALID_OPTION if a setting is invalid, or if the target also has a `flush` option. */
  constructor(target: Target, handler: AsyncResultHandler | undefined, settings: BatchSettings)
  /** @internal */
  constructor(
    target: Target,
    handler: AsyncResultHandler | undefined,
    settings: BatchSettings,
    environment?: ProducerEnvironment,
  )
  constructor(
    target: Target,
    handler: AsyncResultHandler | undefined,
    settings: BatchSettings,
    environment?: ProducerEnvironment,
  ) {
    const flush = flushOf(settings)
    const options = withFlush(targetOptions(target), flush, 'batchSize and batchIntervalMs')
    super(options, handler, environment)
  }
}
