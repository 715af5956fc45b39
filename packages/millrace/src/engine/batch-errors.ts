// The errors of records and batches: what every one of them says, and how an error of something
// else (a connection, a topic, the end of the producer) becomes a batch's own.

import {
  type ErrorCode,
  type ErrorContext,
  KafkaError,
  type Persisted,
} from '../protocol/kafka-error.ts'
import type { Batch } from './batch.ts'
import type { RecordDraft } from './record-draft.ts'
import type { EngineSettings } from './settings.ts'

/** Where, how long and how often: what every error of a batch says. */
export const batchContext = (batch: Batch, now: number) => ({
  topic: batch.queue.topic.name,
  partition: batch.queue.partition,
  api: 'Produce',
  attempts: batch.attempts,
  elapsedMs: Math.round(now - batch.createdAt),
  persisted: persistedOf(batch),
})

/** An error of something else (a connection, a topic) as this batch's own. */
export const errorOfBatch = (batch: Batch, now: number, error: KafkaError): KafkaError =>
  new KafkaError(error.code, error.message, {
    broker: error.broker,
    ...batchContext(batch, now),
    kind: error.kind,
    brokerCode: error.brokerCode,
    brokerError: error.brokerError,
    brokerMessage: error.brokerMessage,
    cause: error,
  })

/** In flight, nobody knows yet; otherwise it is what the attempts so far have proved. */
export const persistedOf = (batch: Batch): Persisted =>
  batch.maybeInLog || batch.queue.inFlight.includes(batch) ? 'maybe' : 'no'

/** The batch's time is over; `cause` is what kept it. */
export const deliveryTimeout = (
  batch: Batch,
  now: number,
  deliveryTimeoutMs: number,
  cause: KafkaError | null,
): KafkaError => {
  const { topic, partition } = batch.queue
  const why = cause === null ? '' : `: ${cause.message}`
  return new KafkaError(
    'DELIVERY_TIMEOUT',
    `${topic.name}-${partition}: not delivered within ${deliveryTimeoutMs} ms${why}`,
    { ...batchContext(batch, now), broker: cause?.broker, cause: cause ?? undefined },
  )
}

/** The error, with what kept the record from being delivered until then, where that is known. */
export const withCause = (
  code: ErrorCode,
  message: string,
  context: ErrorContext,
  trouble: Error | null,
): KafkaError =>
  trouble === null
    ? new KafkaError(code, message, context)
    : new KafkaError(code, `${message}: ${trouble.message}`, { ...context, cause: trouble })

export const recordTooLarge = (
  { contentBytes, topic }: RecordDraft,
  bytesMax: number,
  { maxRequestBytes }: Pick<EngineSettings, 'maxRequestBytes'>,
): KafkaError =>
  new KafkaError(
    'RECORD_TOO_LARGE',
    `a record of ${contentBytes} bytes for topic ${topic}: at most ${bytesMax} ` +
      `fit (maxRequestBytes ${maxRequestBytes})`,
    { topic },
  )

export const bufferFull = (
  { topic }: RecordDraft,
  waitingBytes: number,
  waitingBytesMax: number,
  { bufferMemoryBytes }: EngineSettings,
  trouble: KafkaError | null,
): KafkaError =>
  withCause(
    'BUFFER_FULL',
    `topic ${topic}: the buffer is full and ${waitingBytes} bytes wait in line already, ` +
      `at most ${waitingBytesMax} (bufferMemoryBytes ${bufferMemoryBytes})`,
    { topic },
    trouble,
  )
