// What an admin says of topics, and how it is read out of the brokers' answers.

import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import type { DescribeConfigsResponse } from '../protocol/api/32-describe-configs.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'

/** One topic in what `Admin.listTopics` answers. */
export interface TopicSummary {
  /** The topic's name. */
  readonly name: string
  /** How many partitions it has. */
  readonly partitions: number
  /** Replicas of its first partition. */
  readonly replicationFactor: number
  /** Kafka's own, such as `__consumer_offsets`. */
  readonly internal: boolean
}

/** One partition of a described topic. */
export interface PartitionDescription {
  /** Its number, from 0 on. */
  readonly partition: number
  /** Node id; -1 = none now. */
  readonly leaderId: number
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number
  /** Node ids of all replicas, the preferred leader first. */
  readonly replicas: readonly number[]
  /** Node ids of the replicas that are in sync with the leader. */
  readonly inSyncReplicas: readonly number[]
  /** Node ids of the replicas that can't be reached now. */
  readonly offlineReplicas: readonly number[]
}

/** One setting of a topic. */
export interface TopicSetting {
  /** Kafka's own name: `max.message.bytes`. */
  readonly name: string
  /** `null` where the broker does not tell it: it is a secret. */
  readonly value: string | null
  /** Where the value is from: the topic itself, a setting of the brokers, or Kafka's default. */
  readonly source: 'topic' | 'broker' | 'default'
}

/** What `Admin.describeTopic` answers. */
export interface TopicDescription extends TopicSummary {
  /** As Kafka's tools write it; empty where the broker has no topic ids. */
  readonly topicId: string
  /** One entry for each partition, in the order of their numbers. */
  readonly partitionList: readonly PartitionDescription[]
  /** Empty where we may not read them. */
  readonly settings: readonly TopicSetting[]
}

/** What `Admin.createTopic` is to make. */
export interface NewTopic {
  /** 1 to 249 of the characters `a-z A-Z 0-9 . _ -`. */
  readonly name: string
  /** The broker's default without it. */
  readonly partitions?: number | undefined
  /** The broker's default without it. */
  readonly replicationFactor?: number | undefined
  /** Kafka's own topic settings: `{ 'cleanup.policy': 'compact' }`. */
  readonly config?: Readonly<Record<string, string>> | undefined
}

/** What `Admin.createTopic` made. */
export interface CreatedTopic {
  /** The topic's name, as asked for. */
  readonly name: string
  /** -1 where the broker does not say. */
  readonly partitions: number
  /** -1 where the broker does not say. */
  readonly replicationFactor: number
}

type TopicAnswer = MetadataResponse['topics'][number]

export const summaryOf = ({ name, partitions, isInternal }: TopicAnswer): TopicSummary => ({
  name: name ?? '',
  partitions: partitions.length,
  replicationFactor:
    partitions.find(({ partitionIndex }) => partitionIndex === 0)?.replicaNodes.length ?? 0,
  internal: isInternal,
})

/** What is wrong with one topic of an answer; null = nothing. */
export const topicError = (
  name: string,
  answer: TopicAnswer | undefined,
  api: string,
): KafkaError | null => {
  const errorCode = answer?.errorCode ?? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
  if (errorCode === errorNumber.NONE) return null
  return brokerError(errorCode, { api, topic: name, persisted: 'no' })
}

const idText = (topicId: Uint8Array): string =>
  topicId.every((byte) => byte === 0) ? '' : Buffer.from(topicId).toString('base64url')

const partitionsOf = ({ partitions }: TopicAnswer): readonly PartitionDescription[] =>
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

/** Kafka's numbers for where a setting comes from; those in between are of the brokers. */
const settingSource = { topic: 1, default: 5 } as const

const settingsOf = (answer: DescribeConfigsResponse): readonly TopicSetting[] =>
  (answer.results[0]?.configs ?? [])
    .map(({ name, value, configSource }) => ({ name, value, source: sourceOf(configSource) }))
    .sort((one, other) => (one.name < other.name ? -1 : 1))

const sourceOf = (number: number): TopicSetting['source'] => {
  if (number === settingSource.topic) return 'topic'
  return number === settingSource.default ? 'default' : 'broker'
}

export const descriptionOf = (
  answer: TopicAnswer,
  configs: DescribeConfigsResponse | null,
): TopicDescription => ({
  ...summaryOf(answer),
  topicId: idText(answer.topicId),
  partitionList: partitionsOf(answer),
  settings: configs === null ? [] : settingsOf(configs),
})
