// Owns the check of responses: their error codes, and content that no Kafka broker sends. null = no
// error. `retriable` of the error decides whether the request is sent again. Callers: Metadata,
// produce-response.ts, ProducerIdRequest, Coordinator, TransactionRequests. Invariant: these
// requests write no records, so `persisted` is always 'no'.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import type { FindCoordinatorResponse } from '../protocol/api/10-find-coordinator.ts'
import type { InitProducerIdResponse } from '../protocol/api/22-init-producer-id.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { type ErrorContext, KafkaError } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'

type TopicResponse = MetadataResponse['topics'][number]

/** Larger clusters do not exist. The limit protects memory: each node has a link. */
const nodesMax = 10_000

/** Larger topics do not exist. The limit protects memory: each partition has a queue. */
const partitionsMax = 100_000

export const malformedResponse = (
  api: string,
  broker: string,
  problem: string,
  context: ErrorContext = {},
): KafkaError =>
  new KafkaError('MALFORMED_RESPONSE', `Malformed ${api} response of ${broker}: ${problem}`, {
    ...context,
    api,
    broker,
  })

/** The error of a Metadata response as a whole; `broker` sent it. */
export const metadataError = (response: MetadataResponse, broker: string): KafkaError | null => {
  if (response.errorCode !== errorNumber.NONE) {
    return brokerError(response.errorCode, { api: 'Metadata', broker, persisted: 'no' })
  }
  const count = response.brokers.length
  if (count > nodesMax) {
    return malformedResponse(
      'Metadata',
      broker,
      `${count} brokers, at most ${nodesMax} are accepted`,
    )
  }
  if (count > 0) return null
  return new KafkaError(
    'BROKER_UNAVAILABLE',
    `${broker} returned metadata without brokers: it is still starting`,
    { api: 'Metadata', broker },
  )
}

/** The error of one topic; `response` is missing if the broker did not return it. */
export const topicError = (
  topic: string,
  response: TopicResponse | undefined,
  broker: string,
): KafkaError | null => {
  const errorCode = response?.errorCode ?? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (response !== undefined && errorCode === errorNumber.NONE) {
    const problem = partitionsProblem(response)
    if (problem === null) return null
    return malformedResponse('Metadata', broker, `topic ${printableText(topic)} has ${problem}`, {
      topic,
    })
  }
  return brokerError(errorCode, { api: 'Metadata', topic, broker, persisted: 'no' })
}

/** Far enough below 2^53 that the offset of each record of a batch is exact. */
const baseOffsetMax = Number.MAX_SAFE_INTEGER - 2 ** 31

/** The largest time of a Date: later ones are no time for the caller. */
const timestampMax = 8.64e15

/** Content that no broker sends in a Produce response. The engine reads the error codes. */
export const produceError = (
  response: ProduceResponse,
  broker: { readonly name: string },
): KafkaError | null => {
  for (const { name, partitionResponses } of response.responses) {
    for (const { index, baseOffset, logAppendTimeMs, errorCode } of partitionResponses) {
      const isOffset = baseOffset >= -1 && baseOffset <= baseOffsetMax
      const isTime = logAppendTimeMs <= timestampMax
      if ((isOffset && isTime) || errorCode !== errorNumber.NONE) continue
      const value = isOffset ? `log append time ${logAppendTimeMs}` : `offset ${baseOffset}`
      const problem = `${value} of partition ${index} of topic ${printableText(name)}`
      return malformedResponse('Produce', broker.name, problem)
    }
  }
  return null
}

export const producerIdError = (
  response: InitProducerIdResponse,
  broker: string,
): KafkaError | null => {
  const { errorCode, producerId, producerEpoch } = response
  if (errorCode !== errorNumber.NONE) {
    return brokerError(errorCode, { api: 'InitProducerId', broker, persisted: 'no' })
  }
  if (producerId >= 0 && producerEpoch >= 0) return null
  const problem = `producer id ${producerId} with epoch ${producerEpoch}`
  return malformedResponse('InitProducerId', broker, problem)
}

/**
 * `found` is the coordinator of the requested key; undefined = the response contains other keys
 * only.
 */
export const coordinatorError = (
  found: Omit<FindCoordinatorResponse['coordinators'][number], 'key'> | undefined,
  broker: string,
): KafkaError | null => {
  if (found === undefined) {
    return malformedResponse('FindCoordinator', broker, 'it does not name the requested key')
  }
  const { errorCode, errorMessage, nodeId, host } = found
  if (errorCode !== errorNumber.NONE) {
    const brokerMessage = errorMessage ?? undefined
    return brokerError(errorCode, {
      api: 'FindCoordinator',
      broker,
      brokerMessage,
      persisted: 'no',
    })
  }
  if (nodeId >= 0 && host !== '') return null
  return malformedResponse('FindCoordinator', broker, `coordinator ${nodeId} at '${host}'`)
}

/** Partitions are numbered from 0, each once, so no index is larger than their count. */
const partitionsProblem = ({ partitions }: TopicResponse): string | null => {
  const count = partitions.length
  if (count === 0) return 'no partitions'
  if (count > partitionsMax) return `${count} partitions, at most ${partitionsMax} are accepted`
  const isSeen = new Uint8Array(count)
  for (const { partitionIndex } of partitions) {
    if (partitionIndex < 0 || partitionIndex >= count) {
      return `${count} partitions, and one of them is number ${partitionIndex}`
    }
    if (isSeen[partitionIndex] === 1) return `partition ${partitionIndex} twice`
    isSeen[partitionIndex] = 1
  }
  return null
}
