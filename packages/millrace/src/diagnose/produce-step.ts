// Sends one record with a producer of the same options, if the caller requested it. It examines the
// topic first, so that a problem of the topic is reported directly. It must not create the topic
// unless the options allow it. Caller: diagnosis.ts.

import type { ProducerEnvironment } from '../producer/environment.ts'
import { Producer } from '../producer/producer.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import { silentLogger } from '../runtime/logger.ts'
import { moreTime } from './address-steps.ts'
import type { DiagnosisContext } from './diagnosis-context.ts'
import type { ClusterFound } from './metadata-step.ts'
import { sendRequest } from './probe.ts'
import { produceRemedy } from './remedy-produce.ts'
import { type DiagnosisStep, failed, passed } from './report.ts'

type Topic = MetadataResponse['topics'][number]

const describeTopic = async (found: ClusterFound, topic: string): Promise<Topic | undefined> => {
  const connection = found.source.best?.connection
  if (!connection)
    throw new KafkaError('CONNECTION_LOST', `The connection to ${found.source.name} was lost`)
  const request = { topics: [{ name: topic }], allowAutoTopicCreation: false }
  return (await sendRequest(connection, metadataApi, request)).topics.find(
    ({ name }) => name === topic,
  )
}

const leaderless = (topic: Topic): number[] =>
  topic.partitions
    .filter(({ leaderId }) => leaderId < 0)
    .map(({ partitionIndex }) => partitionIndex)

/**
 * The partition to send to; undefined = the topic does not exist yet. Throws the problem of the
 * topic.
 */
const choosePartition = (
  topic: Topic | undefined,
  name: string,
  mayCreate: boolean,
): number | undefined => {
  const errorCode = topic?.errorCode ?? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (errorCode === errorNumber.UNKNOWN_TOPIC_OR_PARTITION && mayCreate) return undefined
  if (topic === undefined || errorCode !== errorNumber.NONE) {
    throw brokerError(errorCode, { api: metadataApi.name, topic: name })
  }
  const led = topic.partitions.find(({ leaderId }) => leaderId >= 0)
  if (led === undefined) {
    const code = topic.partitions[0]?.errorCode || errorNumber.LEADER_NOT_AVAILABLE
    throw brokerError(code, { api: metadataApi.name, topic: name })
  }
  return led.partitionIndex
}

/** The options of the test producer, without those that concern only the application's records. */
const producerOptions = (options: ProducerOptions): ProducerOptions => ({
  ...options,
  allowAutoTopicCreation: options.allowAutoTopicCreation === true,
  // Without an acknowledgement the result would be unknown.
  acks: options.acks === 0 ? 1 : options.acks,
  transactionalId: undefined,
  partitioner: undefined,
  flush: undefined,
  lingerMs: undefined,
  interceptors: undefined,
  enableMetricsPush: false,
  logger: silentLogger,
  onError: () => {},
})

const sendOne = async (
  context: DiagnosisContext,
  options: ProducerOptions,
  environment: ProducerEnvironment,
  topic: string,
  partition: number | undefined,
): Promise<string> => {
  const producer = new Producer(producerOptions(options), environment)
  const record = { topic, partition, key: 'millrace-doctor', value: 'A test of the connection.' }
  const { signal } = context.run
  try {
    const metadata = await producer.send(record, {
      signal,
      timeoutMs: context.probeOptions.stepTimeoutMs,
    })
    return `one record went to ${topic}: partition ${metadata.partition}, offset ${metadata.offset}`
  } finally {
    producer.destroy()
  }
}

export const produceStep = async (
  context: DiagnosisContext,
  found: ClusterFound,
  options: ProducerOptions,
  environment: ProducerEnvironment,
  topic: string,
): Promise<DiagnosisStep> => {
  const { clock } = context.run
  const sinceMs = clock.now()
  const { endReason } = context.run
  if (endReason !== null) return failed('produce', 0, `${topic}: ${endReason.message}`, moreTime)
  const mayCreate = options.allowAutoTopicCreation === true
  let seen: Topic | undefined
  try {
    seen = await describeTopic(found, topic)
    const partition = choosePartition(seen, topic, mayCreate)
    const text = await sendOne(context, options, environment, topic, partition)
    const dead = seen === undefined ? [] : leaderless(seen)
    const note = dead.length === 0 ? '' : `; without a leader: partition ${dead.join(', ')}`
    return passed('produce', clock.now() - sinceMs, `${text}${note}`)
  } catch (thrown) {
    const error = asKafkaError(thrown, 'sending a record failed')
    const remedy = produceRemedy(error, topic)
    return failed('produce', clock.now() - sinceMs, `${topic}: ${error.message}`, remedy)
  }
}
