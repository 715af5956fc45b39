// Profiles: the rules of Kafka-compatible brokers and services, as defaults of the cluster's
// options; an option that the caller sets takes precedence. Each rule must name its source: the
// service's documentation, its source code, or reports of users. A profile does not require TLS or
// SASL, although the services do: a test sets `tls` and `sasl`. docs/testing.md has the table.
// Caller: cluster-options.ts.

import type { CompressionType } from '../protocol/compression/codec.ts'
import type { BrokerErrorName } from '../protocol/errors.ts'
import type { ProduceQuotaOptions } from './produce-quota.ts'
import type { UnknownProducerRule } from './producer-state.ts'
import type { KafkaRelease, VersionTable } from './versions.ts'

/** The cluster options that a profile sets. */
export interface ProfileDefaults {
  readonly nodes?: number | undefined
  readonly versions?: KafkaRelease | VersionTable | undefined
  readonly unknownProducers?: UnknownProducerRule | undefined
  readonly compression?:
    | { readonly types: readonly CompressionType[]; readonly error?: BrokerErrorName | undefined }
    | undefined
  readonly maxRequestBytes?: number | undefined
  readonly connectionsMaxIdleMs?: number | undefined
  readonly produceQuota?: ProduceQuotaOptions | undefined
  readonly autoCreateTopics?: boolean | undefined
  readonly defaultPartitions?: number | undefined
  readonly topicDefaults?: Readonly<Record<string, string>> | undefined
}

/**
 * What a Standard namespace advertised in 2024: github.com/oliveigah/klife/issues/13 lists Produce
 * to LeaveGroup; the others, and no API of transactions, are from
 * github.com/Azure/azure-event-hubs-for-kafka/issues/209. InitProducerId is served, since
 * Microsoft's page on client configurations recommends `enable.idempotence=true`.
 */
const eventHubsVersions: VersionTable = {
  Produce: [0, 7],
  Fetch: [4, 6],
  ListOffsets: [0, 8],
  Metadata: [0, 5],
  OffsetCommit: [0, 8],
  OffsetFetch: [0, 8],
  FindCoordinator: [0, 4],
  JoinGroup: [0, 9],
  Heartbeat: [0, 4],
  LeaveGroup: [0, 5],
  SyncGroup: [0, 5],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 3],
  CreateTopics: [0, 2],
  DeleteTopics: [0, 2],
  InitProducerId: [0, 1],
  DescribeConfigs: [0, 2],
  SaslAuthenticate: [0, 1],
}

/**
 * The versions that a namespace advertised in 2019, without InitProducerId:
 * github.com/Azure/azure-event-hubs-for-kafka/issues/69.
 */
const eventHubs2019Versions: VersionTable = {
  Produce: [3, 5],
  Fetch: [4, 6],
  ListOffsets: [0, 2],
  Metadata: [0, 5],
  OffsetCommit: [0, 3],
  OffsetFetch: [0, 3],
  FindCoordinator: [0, 1],
  JoinGroup: [0, 2],
  Heartbeat: [0, 1],
  LeaveGroup: [0, 1],
  SyncGroup: [0, 1],
  SaslHandshake: [0, 0],
  ApiVersions: [0, 1],
  CreateTopics: [0, 2],
  DeleteTopics: [0, 2],
}

const eventHubs: ProfileDefaults = {
  versions: eventHubsVersions,
  unknownProducers: 'accept',
  // Compression is for Premium and Dedicated: learn.microsoft.com/azure/event-hubs,
  // azure-event-hubs-apache-kafka-overview. The error: github.com/twmb/franz-go/issues/144.
  compression: { types: ['none'], error: 'UNSUPPORTED_FOR_MESSAGE_FORMAT' },
  // Longer requests close the connection, and so do 240 s without one: learn.microsoft.com,
  // apache-kafka-configurations.
  maxRequestBytes: 1_046_528,
  connectionsMaxIdleMs: 240_000,
  // One throughput unit takes 1 MB or 1,000 events a second: event-hubs-scalability. How a client
  // above it is throttled: apache-kafka-troubleshooting-guide.
  produceQuota: { bytesPerSecond: 1_000_000, recordsPerSecond: 1000, delays: 'responses' },
}

/**
 * The version ranges of Redpanda's request handlers, from its source code
 * (src/v/kafka/server/handlers): without KIP-890 (Produce 12, EndTxn 5), KIP-951 (Produce 10), and
 * topic ids.
 */
const redpandaVersions: VersionTable = {
  Produce: [0, 7],
  Fetch: [4, 11],
  ListOffsets: [0, 3],
  Metadata: [0, 7],
  OffsetCommit: [1, 7],
  OffsetFetch: [1, 7],
  FindCoordinator: [0, 2],
  JoinGroup: [0, 6],
  Heartbeat: [0, 4],
  LeaveGroup: [0, 4],
  SyncGroup: [0, 4],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 3],
  CreateTopics: [0, 5],
  DeleteTopics: [0, 4],
  InitProducerId: [0, 1],
  AddPartitionsToTxn: [0, 2],
  AddOffsetsToTxn: [0, 2],
  EndTxn: [0, 3],
  TxnOffsetCommit: [0, 3],
  DescribeConfigs: [0, 4],
  SaslAuthenticate: [0, 2],
}

const profiles = {
  /** Azure Event Hubs, Standard tier, one throughput unit. */
  'event-hubs': eventHubs,
  /** Azure Event Hubs, Premium or Dedicated: gzip, transactions (in preview), no quota. */
  'event-hubs-premium': {
    ...eventHubs,
    // learn.microsoft.com/azure/event-hubs, apache-kafka-transactions: only since 2024, so the
    // ranges are those of Kafka 1.0, the release that the service names as its oldest.
    versions: {
      ...eventHubsVersions,
      AddPartitionsToTxn: [0, 0],
      AddOffsetsToTxn: [0, 0],
      EndTxn: [0, 0],
      TxnOffsetCommit: [0, 0],
    },
    compression: { types: ['none', 'gzip'], error: 'UNSUPPORTED_FOR_MESSAGE_FORMAT' },
    produceQuota: undefined,
  },
  /** Azure Event Hubs as it was in 2019: no idempotence, SASL without SaslAuthenticate. */
  'event-hubs-2019': { ...eventHubs, versions: eventHubs2019Versions },
  /** Amazon MSK Serverless. */
  'msk-serverless': {
    nodes: 3,
    versions: '2.8',
    // docs.aws.amazon.com/msk/latest/developerguide, limits: message 8 MB, request 100 MB,
    // 200 MB per second.
    topicDefaults: { 'max.message.bytes': '8388608', 'min.insync.replicas': '2' },
    maxRequestBytes: 104_857_600,
    produceQuota: { bytesPerSecond: 200_000_000 },
    autoCreateTopics: false,
  },
  /** Confluent Cloud. */
  'confluent-cloud': {
    nodes: 3,
    versions: '4.0',
    // docs.confluent.io/cloud/current/topics/manage: a topic's defaults; topics are not created
    // automatically.
    topicDefaults: { 'max.message.bytes': '2097164', 'min.insync.replicas': '2' },
    autoCreateTopics: false,
    defaultPartitions: 6,
  },
  /** Redpanda. */
  redpanda: {
    versions: redpandaVersions,
    unknownProducers: 'accept',
    // docs.redpanda.com, reference/properties/cluster-properties: kafka_batch_max_bytes,
    // kafka_request_max_bytes; auto_create_topics_enabled is false.
    topicDefaults: { 'max.message.bytes': '1048576' },
    maxRequestBytes: 104_857_600,
    autoCreateTopics: false,
  },
} as const satisfies Record<string, ProfileDefaults>

/** A broker or service whose rules `startCluster` can apply. */
export type ClusterProfile = keyof typeof profiles

export const profileNames = Object.keys(profiles) as readonly ClusterProfile[]

export const isProfile = (name: unknown): name is ClusterProfile =>
  typeof name === 'string' && Object.hasOwn(profiles, name)

/**
 * The caller's options, with those of the profile as defaults; topic settings are merged by name.
 */
export const withProfile = <Options extends ProfileDefaults>(
  options: Options & { readonly profile?: ClusterProfile | undefined },
): Options => {
  if (!isProfile(options.profile)) return options
  const defaults: ProfileDefaults = profiles[options.profile]
  const set = Object.entries(options).filter(([, value]) => value !== undefined)
  return {
    ...defaults,
    ...(Object.fromEntries(set) as typeof options),
    topicDefaults: { ...defaults.topicDefaults, ...options.topicDefaults },
  }
}
