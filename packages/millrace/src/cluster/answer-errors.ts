// Reads the error codes of answers to Metadata and InitProducerId: null where all is well.
// Whether to ask again is `retriable` of the error; these requests write no record, so none of
// them leaves a doubt.

import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import type { InitProducerIdResponse } from '../protocol/api/22-init-producer-id.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

/** What is wrong with an answer to Metadata as a whole; `broker` gave it. */
export const metadataError = (response: MetadataResponse, broker: string): KafkaError | null => {
  if (response.errorCode !== errorNumber.NONE) {
    return brokerError(response.errorCode, { api: 'Metadata', broker, persisted: 'no' })
  }
  if (response.brokers.length > 0) return null
  return new KafkaError(
    'BROKER_UNAVAILABLE',
    `${broker} answered that there are no brokers: it is still starting`,
    { api: 'Metadata', broker },
  )
}

/** What is wrong with one topic; `answer` is missing where the broker left it out. */
export const topicError = (
  topic: string,
  answer: MetadataResponse['topics'][number] | undefined,
  broker: string,
): KafkaError | null => {
  const errorCode = answer?.errorCode ?? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (errorCode === errorNumber.NONE) return null
  return brokerError(errorCode, { api: 'Metadata', topic, broker, persisted: 'no' })
}

export const producerIdError = (
  response: InitProducerIdResponse,
  broker: string,
): KafkaError | null => {
  if (response.errorCode === errorNumber.NONE) return null
  return brokerError(response.errorCode, { api: 'InitProducerId', broker, persisted: 'no' })
}
