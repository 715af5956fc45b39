// The public types of Admin's topic methods, and their conversion from the brokers' responses. It
// keeps no state. Callers: admin.ts and leaders.ts.

import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import type { DescribeConfigsResponse } from '../protocol/api/32-describe-configs.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'

/** One topic in the result of `Admin.listTopics`. */
export interface TopicSummary {
  /** The topic's name. */
  readonly name: string
  /** The number of partitions. */
  readonly partitions: number
  /** The number of replicas of its first partition. */
  readonly replicationFactor: number
  /** Whether it is one of Kafka's internal topics, such as `__consumer_offsets`. */
  readonly internal: boolean
}

/** One partition of a described topic. */
export interface PartitionDescription {
  /** The number of the partition, from 0. */
  readonly partition: number
  /** Node id of the leader; -1 = none now. */
  readonly leaderId: number
  /** The epoch of the leader; -1 = the broker did not return it. */
  readonly leaderEpoch: number
  /** Node ids of all replicas, the preferred leader first. */
  readonly replicas: readonly number[]
  /** Node ids of the replicas that are in sync with the leader. */
  readonly inSyncReplicas: readonly number[]
  /** Node ids of the replicas that are offline. */
  readonly offlineReplicas: readonly number[]
}

/** One setting of a topic. */
export interface TopicSetting {
  /** Kafka's own name: `max.message.bytes`. */
  readonly name: string
  /** The value; `null` = the broker does not return it because it is a secret. */
  readonly value: string | null
  /** Where the value is set: on the topic, on the brokers, or by Kafka's default. */
  readonly source: 'topic' | 'broker' | 'default'
}

/** The result of `Admin.describeTopic`. */
export interface TopicDescription extends TopicSummary {
  /** The topic id in the form of Kafka's tools; '' if the broker has no topic ids. */
  readonly topicId: string
  /** One entry for each partition, in ascending order. */
  readonly partitionList: readonly PartitionDescription[]
  /** The settings of the topic; empty if the client is not authorized to read them. */
  readonly settings: readonly TopicSetting[]
}

/** The argument of `Admin.createTopic`. */
export interface NewTopic {
  /** 1 to 249 of the characters `a-z A-Z 0-9 . _ -`. */
  readonly name: string
  /** The number of partitions; the broker's default if it is missing. */
  readonly partitions?: number | undefined
  /** The number of replicas; the broker's default if it is missing. */
  readonly replicationFactor?: number | undefined
  /** Kafka's own topic settings: `{ 'cleanup.policy': 'compact' }`. */
  readonly config?: Readonly<Record<string, string>> | undefined
}

/** The result of `Admin.createTopic`. */
export interface CreatedTopic {
  /** The topic's name. */
  readonly name: string
  /** The number of partitions; -1 = the broker did not return it. */
  readonly partitions: number
  /** The number of replicas; -1 = the broker did not return it. */
  readonly replicationFactor: number
}

type TopicResponse = MetadataResponse['topics'][number]

export const summaryOf = ({ name, partitions, isInternal }: TopicResponse): TopicSummary => ({
  name: name ?? '',
  partitions: partitions.length,
  replicationFactor:
    partitions.find(({ partitionIndex }) => partitionIndex === 0)?.replicaNodes.length ?? 0,
  internal: isInternal,
})

/** The error of one topic of a response; null = none. */
export const topicError = (
  name: string,
  response: TopicResponse | undefined,
  api: string,
): KafkaError | null => {
  const errorCode = response?.errorCode ?? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (errorCode === errorNumber.NONE) return null
  return brokerError(errorCode, { api, topic: name, persisted: 'no' })
}

const idText = (topicId: Uint8Array): string =>
  topicId.every((byte) => byte === 0) ? '' : Buffer.from(topicId).toString('base64url')

const partitionsOf = ({ partitions }: TopicResponse): readonly PartitionDescription[] =>
  partitions
    .map((partition) => ({
      partition: partition.partitionIndex,
      leaderId: partition.leaderId,
      leaderEpoch: partition.leaderEpoch,
      replicas: partition.replicaNodes,
      inSyncReplicas: partition.isrNodes,
      offlineReplicas: partition.offlineReplicas,
    }))
    .sort((one, other) => one.partition - other.partition)

/** Kafka's numbers for the source of a setting; the numbers between them are broker settings. */
const settingSource = { topic: 1, default: 5 } as const

const settingsOf = (response: DescribeConfigsResponse): readonly TopicSetting[] =>
  (response.results[0]?.configs ?? [])
    .map(({ name, value, configSource }) => ({ name, value, source: sourceOf(configSource) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))

const sourceOf = (number: number): TopicSetting['source'] => {
  if (number === settingSource.topic) return 'topic'
  return number === settingSource.default ? 'default' : 'broker'
}

export const descriptionOf = (
  response: TopicResponse,
  configs: DescribeConfigsResponse | null,
): TopicDescription => ({
  ...summaryOf(response),
  topicId: idText(response.topicId),
  partitionList: partitionsOf(response),
  settings: configs === null ? [] : settingsOf(configs),
})
