// The public options of a cluster, with their defaults and bounds. The check must report every
// invalid option in a single error. Callers: in-process-cluster.ts and testing.ts.

import type { CompressionType } from '../protocol/compression/codec.ts'
import { codecOf, compressionTypes } from '../protocol/compression/codecs.ts'
import type { BrokerErrorName } from '../protocol/errors.ts'
import { errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import type { TlsListenerOptions } from '../runtime/tls-listener.ts'
import type { TelemetryOptions } from './client-telemetry.ts'
import type { ClusterSettings } from './cluster-state.ts'
import type { RequestView } from './faults.ts'
import type { ProduceQuotaOptions } from './produce-quota.ts'
import type { UnknownProducerRule } from './producer-state.ts'
import { type ClusterProfile, isProfile, profileNames, withProfile } from './profiles.ts'
import { saslMechanisms } from './sasl-mechanism.ts'
import type { ClusterSaslOptions } from './sasl-service.ts'
import {
  checkTransactionOptions,
  type TransactionOptions,
  type TransactionSettings,
} from './transaction-options.ts'
import { type KafkaRelease, tableOf, type VersionTable } from './versions.ts'

/** Settings of one topic. */
export interface TopicOptions {
  /** The number of partitions; the cluster's `defaultPartitions` by default. */
  readonly partitions?: number | undefined
  /** The number of replicas of each partition; the cluster's `replicationFactor` by default. */
  readonly replicationFactor?: number | undefined
  /**
   * Kafka's topic settings. These have an effect: `cleanup.policy` (compact: records need a key),
   * `max.message.bytes`, `message.timestamp.type`, `message.timestamp.after.max.ms` and
   * `.before.max.ms`, `min.insync.replicas`, and `retention.bytes`.
   */
  readonly config?: Readonly<Record<string, string>> | undefined
}

/** Which compression codecs a cluster accepts. */
export interface CompressionOptions {
  /** The accepted types; a batch of another type is rejected. */
  readonly types: readonly CompressionType[]
  /** Kafka's name of the error for the others; UNSUPPORTED_COMPRESSION_TYPE by default. */
  readonly error?: BrokerErrorName | undefined
}

/** Options of `startCluster`. All are optional. */
export interface ClusterOptions {
  /**
   * A broker or service whose rules are the defaults of the options below: API versions, codecs,
   * limits, and quotas.
   */
  readonly profile?: ClusterProfile | undefined
  /** The number of nodes; 1 by default. Their ids start at 1. */
  readonly nodes?: number | undefined
  /** The rack of each node, in the order of the node ids; none by default. */
  readonly racks?: readonly string[] | undefined
  /** The initial topics: the number of partitions of each, or its settings. */
  readonly topics?: Readonly<Record<string, number | TopicOptions>> | undefined
  /**
   * The port of the first node; the other nodes use the ports after it. 0 (default) = free ports.
   */
  readonly port?: number | undefined
  /** The address to listen on and to advertise; 127.0.0.1 by default. */
  readonly host?: string | undefined
  /** Creates a topic when a client first requests it; true by default. */
  readonly autoCreateTopics?: boolean | undefined
  /** The number of partitions of a topic that does not set its own; 1 by default. */
  readonly defaultPartitions?: number | undefined
  /**
   * The number of replicas of a topic that does not set its own; 3 by default, or the number of
   * nodes if it is smaller.
   */
  readonly replicationFactor?: number | undefined
  /** Kafka's topic settings for every topic. */
  readonly topicDefaults?: Readonly<Record<string, string>> | undefined
  /** How long a new partition, or a partition whose leader stopped, has no leader; 0 by default. */
  readonly electionMs?: number | undefined
  /** The Kafka release whose API versions are served, or a table of versions; 4.4 by default. */
  readonly versions?: KafkaRelease | VersionTable | undefined
  /** How a partition handles a producer that it does not know; as in the release by default. */
  readonly unknownProducers?: UnknownProducerRule | undefined
  /**
   * The first producer id; later ids count up. 1000 by default. Kafka starts at 0; other brokers
   * use any int64, which is a bigint beyond 2^53.
   */
  readonly firstProducerId?: ProducerId | undefined
  /** Options of transactions. */
  readonly transactions?: TransactionOptions | undefined
  /** The accepted codecs; all that the Produce version allows by default. */
  readonly compression?: CompressionOptions | undefined
  /** A longer request closes its connection; 100 MiB by default, as in Kafka. */
  readonly maxRequestBytes?: number | undefined
  /** A connection without requests for this time is closed; disabled by default. */
  readonly connectionsMaxIdleMs?: number | undefined
  /** How many bytes and records per second may be produced; unlimited by default. */
  readonly produceQuota?: ProduceQuotaOptions | undefined
  /** Keeps only the latest records of each partition; all by default. */
  readonly retention?: RetentionOptions | undefined
  /** All nodes use TLS with this certificate; without TLS by default. */
  readonly tls?: TlsListenerOptions | undefined
  /** Clients must authenticate with one of these mechanisms; without authentication by default. */
  readonly sasl?: ClusterSaslOptions | undefined
  /** Requests metrics from clients (KIP-714); disabled by default. */
  readonly telemetry?: TelemetryOptions | undefined
  /** Called with each request before it is carried out. */
  readonly onRequest?: ((request: RequestView) => void) | undefined
}

/** Limits of a partition. Whole batches are removed; the latest one is kept whatever its size. */
export interface RetentionOptions {
  /** The bytes of batches that a partition keeps; unlimited by default. */
  readonly bytes?: number | undefined
  /** The records that a partition keeps; unlimited by default. */
  readonly records?: number | undefined
}

export interface CheckedOptions {
  readonly nodes: number
  readonly port: number
  readonly host: string
  readonly versions: VersionTable
  readonly requestBytesMax: number
  /** Infinity = idle connections are not closed. */
  readonly connectionsMaxIdleMs: number
  readonly produceQuota: ProduceQuotaOptions | null
  readonly settings: ClusterSettings
  readonly transactions: TransactionSettings
}

const nodesMax = 100
const portMax = 65535
const requestBytesLimit = 2 ** 31 - 1

/** Kafka's socket.request.max.bytes. */
const requestBytesMaxDefault = 100 * 1024 * 1024

const optionNames = [
  'profile',
  'nodes',
  'racks',
  'topics',
  'port',
  'host',
  'autoCreateTopics',
  'defaultPartitions',
  'replicationFactor',
  'topicDefaults',
  'electionMs',
  'versions',
  'unknownProducers',
  'firstProducerId',
  'transactions',
  'compression',
  'maxRequestBytes',
  'connectionsMaxIdleMs',
  'produceQuota',
  'retention',
  'tls',
  'sasl',
  'telemetry',
  'onRequest',
] as const satisfies readonly (keyof ClusterOptions)[]

const wholeNumber = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max

/** Since Kafka 2.5 (KIP-360), which serves this version of InitProducerId. */
const acceptingInitProducerId = 3

/** Before KIP-360, a partition responded UNKNOWN_PRODUCER_ID to a producer that it had removed. */
const unknownProducersOf = ({ InitProducerId }: VersionTable): UnknownProducerRule =>
  InitProducerId !== undefined && InitProducerId[1] < acceptingInitProducerId ? 'reject' : 'accept'

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const saslProblems = (sasl: ClusterSaslOptions | undefined): string[] => {
  if (sasl === undefined) return []
  const problems: string[] = []
  const { mechanisms = [], users = {}, sessionLifetimeMs, validateToken } = sasl
  const offered = saslMechanisms.join(', ')
  if (mechanisms.length === 0) problems.push(`sasl.mechanisms must be some of ${offered}, got []`)
  for (const name of mechanisms) {
    if (saslMechanisms.includes(name)) continue
    problems.push(`sasl.mechanisms must be some of ${offered}, got ${JSON.stringify(name)}`)
  }
  for (const [name, password] of Object.entries(users)) {
    if (isText(name) && isText(password)) continue
    problems.push(`sasl.users: the password of ${JSON.stringify(name)} must be a non-empty string`)
  }
  if (sessionLifetimeMs !== undefined && !(sessionLifetimeMs > 0)) {
    problems.push(`sasl.sessionLifetimeMs must be more than 0, got ${sessionLifetimeMs}`)
  }
  if (validateToken !== undefined && !mechanisms.includes('OAUTHBEARER')) {
    problems.push('sasl.mechanisms must contain OAUTHBEARER with sasl.validateToken')
  }
  return problems
}

const tlsProblems = (tls: TlsListenerOptions | undefined): string[] => {
  if (tls === undefined) return []
  const isPem = (value: unknown): boolean => isText(value) || value instanceof Uint8Array
  const problems = (['cert', 'key'] as const)
    .filter((name) => !isPem(tls[name]))
    .map((name) => `tls.${name} must be PEM, as a string or bytes`)
  if (tls.requestClientCert === true && tls.ca === undefined) {
    problems.push(
      'tls.ca must be set with tls.requestClientCert: it signs the certificates of clients',
    )
  }
  return problems
}

const compressionProblems = (compression: CompressionOptions | undefined): string[] => {
  if (compression === undefined) return []
  const { types, error = 'UNSUPPORTED_COMPRESSION_TYPE' } = compression
  const problems: string[] = []
  const known = compressionTypes.join(', ')
  if (!Array.isArray(types) || types.some((type) => !compressionTypes.includes(type))) {
    problems.push(`compression.types must be a list of ${known}, got ${JSON.stringify(types)}`)
  }
  if (!Object.hasOwn(errorNumber, error)) {
    problems.push(`compression.error must be the name of a Kafka error, got ${error}`)
  }
  return problems
}

const quotaNames = ['bytesPerSecond', 'recordsPerSecond', 'delays']

const quotaProblems = (quota: ProduceQuotaOptions | undefined): string[] => {
  if (quota === undefined) return []
  const problems = Object.keys(quota)
    .filter((name) => !quotaNames.includes(name))
    .map((name) => `Unknown option produceQuota.${name}; there are ${quotaNames.join(', ')}`)
  for (const name of ['bytesPerSecond', 'recordsPerSecond'] as const) {
    const { [name]: value = 1 } = quota
    if (!(value > 0)) problems.push(`produceQuota.${name} must be more than 0, got ${value}`)
  }
  const { delays = 'requests' } = quota
  if (delays !== 'requests' && delays !== 'responses') {
    problems.push(`produceQuota.delays must be 'requests' or 'responses', got ${delays}`)
  }
  return problems
}

const limitProblems = (options: ClusterOptions): string[] => {
  const { maxRequestBytes = 1, connectionsMaxIdleMs = 1, firstProducerId = 0, profile } = options
  const problems = [
    ...compressionProblems(options.compression),
    ...quotaProblems(options.produceQuota),
  ]
  if (!wholeNumber(maxRequestBytes, 1, requestBytesLimit)) {
    problems.push(`maxRequestBytes must be 1 to ${requestBytesLimit}, got ${maxRequestBytes}`)
  }
  const isIdExact = typeof firstProducerId === 'bigint' || Number.isSafeInteger(firstProducerId)
  if (!isIdExact || firstProducerId < 0) {
    problems.push(`firstProducerId must be an integer from 0, got ${firstProducerId}`)
  }
  if (!(connectionsMaxIdleMs > 0)) {
    problems.push(`connectionsMaxIdleMs must be more than 0, got ${connectionsMaxIdleMs}`)
  }
  if (profile !== undefined && !isProfile(profile)) {
    problems.push(
      `profile must be one of ${profileNames.join(', ')}, got ${JSON.stringify(profile)}`,
    )
  }
  return problems
}

const racksProblems = (racks: readonly string[] | undefined, nodes: number): string[] =>
  racks === undefined || (Array.isArray(racks) && racks.length === nodes && racks.every(isText))
    ? []
    : [`racks must be a list of ${nodes} strings, one for each node, got ${JSON.stringify(racks)}`]

const codecIdsOf = (types: readonly CompressionType[]): ReadonlySet<number> =>
  new Set(types.map((type) => codecOf(type).id))

/** Throws INVALID_OPTION with every problem. Topics are checked when they are created. */
export const checkOptions = (given: ClusterOptions): CheckedOptions => {
  const problems: string[] = []
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  for (const name of Object.keys(given)) {
    const known = (optionNames as readonly string[]).includes(name)
    must(known, `Unknown option ${name}; there are ${optionNames.join(', ')}`)
  }
  const options = withProfile(given)
  const { nodes = 1, port = 0, host = '127.0.0.1', electionMs = 0 } = options
  const { compression = { types: compressionTypes } } = options
  const versions = tableOf(options.versions ?? '4.4')
  const { defaultPartitions = 1, replicationFactor = Math.min(3, nodes), retention = {} } = options
  const { bytes = Number.POSITIVE_INFINITY, records = Number.POSITIVE_INFINITY } = retention
  must(wholeNumber(nodes, 1, nodesMax), `nodes must be 1 to ${nodesMax}, got ${nodes}`)
  must(wholeNumber(port, 0, portMax), `port must be 0 to ${portMax}, got ${port}`)
  must(electionMs >= 0, `electionMs must be 0 or more, got ${electionMs}`)
  must(
    wholeNumber(defaultPartitions, 1, Number.MAX_SAFE_INTEGER),
    `defaultPartitions must be 1 or more, got ${defaultPartitions}`,
  )
  must(
    wholeNumber(replicationFactor, 1, Math.max(1, nodes)),
    `replicationFactor must be 1 to ${nodes}, the number of nodes, got ${replicationFactor}`,
  )
  must(bytes > 0 && records > 0, 'retention.bytes and retention.records must be more than 0')
  problems.push(...saslProblems(options.sasl), ...tlsProblems(options.tls))
  problems.push(...limitProblems(options), ...racksProblems(options.racks, nodes))
  const transactions = checkTransactionOptions(options.transactions ?? {}, versions, (text) =>
    problems.push(text),
  )
  if (problems.length > 0) throw new KafkaError('INVALID_OPTION', problems.join('; '))
  return {
    nodes,
    port,
    host,
    versions,
    requestBytesMax: options.maxRequestBytes ?? requestBytesMaxDefault,
    connectionsMaxIdleMs: options.connectionsMaxIdleMs ?? Number.POSITIVE_INFINITY,
    produceQuota: options.produceQuota ?? null,
    transactions,
    settings: {
      codecIds: codecIdsOf(compression.types),
      codecErrorCode: errorNumber[compression.error ?? 'UNSUPPORTED_COMPRESSION_TYPE'],
      racks: [...(options.racks ?? [])],
      autoCreateTopics: options.autoCreateTopics ?? true,
      firstProducerId: options.firstProducerId ?? 1000,
      defaultPartitions,
      defaultReplicationFactor: replicationFactor,
      topicDefaults: { ...options.topicDefaults },
      electionMs,
      partitionLimits: {
        retentionBytes: bytes,
        retentionRecords: records,
        unknownProducer: options.unknownProducers ?? unknownProducersOf(versions),
      },
    },
  }
}
