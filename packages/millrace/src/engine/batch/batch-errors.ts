// Owns the errors of records and batches: the common fields, and how the error of a connection, a
// topic or the producer becomes the error of a batch. Callers: buffer/, BatchFailures, Delivery.
// Invariant: `persisted` is 'no' only if no attempt can have written the batch.

import { KafkaError, type Persisted } from '../../protocol/kafka-error.ts'
import { withCause } from '../errors.ts'
import type { BrokerLink } from '../ports.ts'
import type { EngineSettings } from '../settings.ts'
import type { Batch, PartitionReference } from './batch.ts'
import type { RecordEncoder } from './record-encoder.ts'

/** The common fields of a batch's errors: topic, partition, elapsed time, attempts. */
export const batchContext = (batch: Batch, now: number) => ({
  topic: batch.queue.topic.name,
  partition: batch.queue.partition,
  api: 'Produce',
  attempts: batch.attempts,
  elapsedMs: Math.round(now - batch.createdAt),
  persisted: persistedOf(batch),
})

/** The error of a connection or a topic, as the error of this batch. */
export const errorOfBatch = (batch: Batch, now: number, error: KafkaError): KafkaError =>
  new KafkaError(error.code, error.message, {
    broker: error.broker,
    ...batchContext(batch, now),
    api: error.api ?? 'Produce',
    kind: error.kind,
    brokerCode: error.brokerCode,
    brokerError: error.brokerError,
    brokerMessage: error.brokerMessage,
    cause: error,
  })

/** 'maybe' while an attempt is in flight; otherwise the result of the attempts so far. */
export const persistedOf = (batch: Batch): Persisted =>
  batch.maybeInLog || batch.isInFlight ? 'maybe' : 'no'

/** The delivery timeout of the batch has passed; `cause` is what prevented its delivery. */
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
    `Records of ${topic.name}-${partition} were not delivered within ${deliveryTimeoutMs} ms${why}`,
    { ...batchContext(batch, now), broker: cause?.broker, cause: cause ?? undefined },
  )
}

export const bufferFull = (
  { topic }: RecordEncoder,
  waitingBytes: number,
  waitingBytesMax: number,
  { bufferMemoryBytes, waitingMemoryBytes }: EngineSettings,
  blockingError: KafkaError | null,
): KafkaError =>
  withCause(
    'BUFFER_FULL',
    `The buffer is full: a record for topic "${topic}" can't wait, ${waitingBytes} of at most ` +
      `${waitingBytesMax} bytes wait already (bufferMemoryBytes ${bufferMemoryBytes}, ` +
      `waitingMemoryBytes ${waitingMemoryBytes})`,
    { topic },
    blockingError,
  )

/** Records of this partition wait, while other partitions continue. */
const holderOf = (
  { topic, partition }: PartitionReference,
  link: BrokerLink | undefined,
): string =>
  link === undefined ? `${topic.name}-${partition} has no leader` : `${link.name} takes no records`

const shareContext = (queue: PartitionReference, link: BrokerLink | undefined) => ({
  topic: queue.topic.name,
  partition: queue.partition,
  broker: link?.name,
})

/** The records that wait for unavailable brokers and topics have used all of their memory. */
export const shareFull = (
  queue: PartitionReference,
  link: BrokerLink | undefined,
  lineBytes: number,
  lineBytesMax: number,
): KafkaError =>
  withCause(
    'BUFFER_FULL',
    `${holderOf(queue, link)}, and ${lineBytes} of at most ${lineBytesMax} bytes wait for that ` +
      `already: a record for ${queue.topic.name}-${queue.partition} can't wait`,
    shareContext(queue, link),
    link?.lastError ?? null,
  )

export const shareTimeout = (
  queue: PartitionReference,
  link: BrokerLink | undefined,
  maxBlockMs: number,
): KafkaError =>
  withCause(
    'BUFFER_TIMEOUT',
    `${holderOf(queue, link)}: its part of the buffer had no space within ${maxBlockMs} ms`,
    shareContext(queue, link),
    link?.lastError ?? null,
  )
