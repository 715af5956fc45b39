// The errors of records and batches: what every one of them says, and how an error of something
// else (a connection, a topic, the end of the producer) becomes a batch's own.

import { KafkaError, type Persisted } from '../../protocol/kafka-error.ts'
import { withCause } from '../errors.ts'
import type { BrokerLink } from '../ports.ts'
import type { EngineSettings } from '../settings.ts'
import type { Batch, PartitionReference } from './batch.ts'
import type { RecordEncoder } from './record-encoder.ts'

/** What every error of a batch names: where, how long, and how many attempts. */
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
    api: error.api ?? 'Produce',
    kind: error.kind,
    brokerCode: error.brokerCode,
    brokerError: error.brokerError,
    brokerMessage: error.brokerMessage,
    cause: error,
  })

/** The outcome of an in-flight batch is unknown; otherwise the attempts so far prove it. */
export const persistedOf = (batch: Batch): Persisted =>
  batch.maybeInLog || batch.isInFlight ? 'maybe' : 'no'

/** The batch's time is over; `cause` is what kept it from being delivered. */
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

/** What records of a partition wait for, beside other partitions that go on. */
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

/** The records that wait for brokers and topics that take nothing have all of their memory. */
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
