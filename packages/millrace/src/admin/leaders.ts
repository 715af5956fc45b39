// Finds the leaders of a topic's partitions, and sends a request to each leader. It keeps no state.
// Callers: the parts of Admin whose requests go to partition leaders.

import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { BrokerCalls } from './broker-calls.ts'
import { topicError } from './topics.ts'

type TopicMetadata = MetadataResponse['topics'][number]

/** A topic with its partitions grouped by leader. */
export interface TopicLeaders {
  readonly name: string
  readonly topicId: Uint8Array
  readonly partitionCount: number
  /** The partitions that each node leads, in ascending order. */
  readonly byLeader: ReadonlyMap<number, readonly number[]>
}

/** Throws if the topic is unknown, or if a wanted partition does not exist or has no leader. */
export const readLeaders = async (
  calls: BrokerCalls,
  topic: string,
  wanted: readonly number[] | null,
): Promise<TopicLeaders> => {
  const { topics } = await calls.metadata({
    topics: [{ name: topic }],
    allowAutoTopicCreation: false,
  })
  const found = topics.find(({ name }) => name === topic)
  const error = topicError(topic, found, 'Metadata')
  if (error !== null || found === undefined) throw error
  return leadersOf(found, wanted)
}

const leadersOf = (topic: TopicMetadata, wanted: readonly number[] | null): TopicLeaders => {
  const { partitions, topicId } = topic
  const name = topic.name ?? ''
  const byNumber = new Map(partitions.map((each) => [each.partitionIndex, each]))
  const numbers = wanted ?? [...byNumber.keys()].sort((one, other) => one - other)
  const byLeader = new Map<number, number[]>()
  for (const partition of numbers) {
    const known = byNumber.get(partition)
    if (known === undefined) {
      const expected = `one of the ${partitions.length} of ${name}`
      const message = `partition must be ${expected}, got ${partition}`
      throw new KafkaError('UNKNOWN_PARTITION', message, { topic: name, partition })
    }
    if (known.leaderId < 0) {
      const code = known.errorCode || errorNumber.LEADER_NOT_AVAILABLE
      throw brokerError(code, { api: 'Metadata', topic: name, partition, persisted: 'no' })
    }
    const list = byLeader.get(known.leaderId)
    if (list === undefined) byLeader.set(known.leaderId, [partition])
    else list.push(partition)
  }
  return { name, topicId, partitionCount: partitions.length, byLeader }
}

/**
 * Sends a request to the leader of each partition, to all leaders at once, and repeats it until all
 * have responded without an error; null = all partitions of the topic. The request must be
 * idempotent, because a leader may receive it twice.
 */
export const requestLeaders = <Value>(
  calls: BrokerCalls,
  topic: string,
  wanted: readonly number[] | null,
  requestOne: (
    nodeId: number,
    partitions: readonly number[],
  ) => Promise<ReadonlyMap<number, Value>>,
): Promise<ReadonlyMap<number, Value>> =>
  calls.untilDone(async () => {
    const { byLeader } = await readLeaders(calls, topic, wanted)
    const parts = await Promise.all(
      [...byLeader].map(([nodeId, partitions]) => requestOne(nodeId, partitions)),
    )
    return new Map(parts.flatMap((part) => [...part]).sort(([one], [other]) => one - other))
  }, true)
