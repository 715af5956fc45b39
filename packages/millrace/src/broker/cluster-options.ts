// What a user may choose of a cluster, with defaults and bounds. One error names every bad option.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { TlsListenerOptions } from '../runtime/tls-listener.ts'
import type { TelemetryOptions } from './client-telemetry.ts'
import type { ClusterSettings } from './cluster-state.ts'
import type { RequestView } from './faults.ts'
import type { UnknownProducerRule } from './producer-state.ts'
import { saslMechanisms } from './sasl-mechanism.ts'
import type { ClusterSaslOptions } from './sasl-service.ts'
import {
  checkTransactionOptions,
  type TransactionOptions,
  type TransactionSettings,
} from './transaction-options.ts'
import type { KafkaRelease, VersionTable } from './versions.ts'

/** Settings of one topic. */
export interface TopicOptions {
  /** How many partitions; the cluster's `defaultPartitions` by default. */
  readonly partitions?: number | undefined
  /** On how many nodes each partition is; the cluster's `replicationFactor` by default. */
  readonly replicationFactor?: number | undefined
  /**
   * Kafka's own topic settings. Obeyed are `cleanup.policy` (compact: records need a key),
   * `max.message.bytes`, `message.timestamp.type`, `message.timestamp.after.max.ms` and
   * `.before.max.ms`, `min.insync.replicas` and `retention.bytes`.
   */
  readonly config?: Readonly<Record<string, string>> | undefined
}

/** Options of `startCluster`. All may be left out. */
export interface ClusterOptions {
  /** How many nodes; 1 by default. Their ids count up from 1. */
  readonly nodes?: number | undefined
  /** Topics to begin with: how many partitions each has, or its settings. */
  readonly topics?: Readonly<Record<string, number | TopicOptions>> | undefined
  /** The first node's port, the others' follow it; 0 (default) = any that are free. */
  readonly port?: number | undefined
  /** The address to listen at and to tell clients; 127.0.0.1 by default. */
  readonly host?: string | undefined
  /** A topic is made when a client first asks for it; true by default. */
  readonly autoCreateTopics?: boolean | undefined
  /** Partitions of a topic that does not say; 1 by default. */
  readonly defaultPartitions?: number | undefined
  /** Replicas of a topic that does not say; 3 by default, or as many as there are nodes. */
  readonly replicationFactor?: number | undefined
  /** Kafka's own topic settings that every topic starts with. */
  readonly topicDefaults?: Readonly<Record<string, string>> | undefined
  /** How long a new partition, or one whose leader stopped, has no leader; 0 by default. */
  readonly electionMs?: number | undefined
  /** The Kafka release whose api versions are served, or a table of them; 4.4 by default. */
  readonly versions?: KafkaRelease | VersionTable | undefined
  /** What a partition does with a producer it does not know; as the release does by default. */
  readonly unknownProducers?: UnknownProducerRule | undefined
  /** How transactions are treated. */
  readonly transactions?: TransactionOptions | undefined
  /** Only the newest records of each partition are kept; all by default. */
  readonly retention?: RetentionOptions | undefined
  /** All nodes speak TLS with this certificate; by default they speak plainly. */
  readonly tls?: TlsListenerOptions | undefined
  /** Clients must authenticate by one of these mechanisms; by default nobody has to. */
  readonly sasl?: ClusterSaslOptions | undefined
  /** Clients are asked for their metrics (KIP-714); by default they are not. */
  readonly telemetry?: TelemetryOptions | undefined
  /** Called with each request, before it is carried out. */
  readonly onRequest?: ((request: RequestView) => void) | undefined
}

/** Bounds on what a partition keeps. Whole batches go, the newest one stays whatever its size. */
export interface RetentionOptions {
  /** Bytes of batches that a partition keeps; no bound by default. */
  readonly bytes?: number | undefined
  /** Records that a partition keeps; no bound by default. */
  readonly records?: number | undefined
}

export interface CheckedOptions {
  readonly nodes: number
  readonly port: number
  readonly host: string
  readonly versions: KafkaRelease | VersionTable
  readonly settings: ClusterSettings
  readonly transactions: TransactionSettings
}

const nodesMax = 100
const portMax = 65535

const optionNames = [
  'nodes',
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
  'transactions',
  'retention',
  'tls',
  'sasl',
  'telemetry',
  'onRequest',
] as const satisfies readonly (keyof ClusterOptions)[]

const wholeNumber = (value: number, min: number, max: number): boolean =>
  Number.isInteger(value) && value >= min && value <= max

/** Before 2.5 (KIP-360) a partition answered UNKNOWN_PRODUCER_ID to a producer it had forgotten. */
const unknownProducersOf = (versions: KafkaRelease | VersionTable): UnknownProducerRule =>
  versions === '2.1' || versions === '2.4' ? 'reject' : 'accept'

const isText = (value: unknown): boolean => typeof value === 'string' && value !== ''

const saslProblems = (sasl: ClusterSaslOptions | undefined): string[] => {
  if (sasl === undefined) return []
  const problems: string[] = []
  const { mechanisms = [], users = {}, sessionLifetimeMs, validateToken } = sasl
  const offered = saslMechanisms.join(', ')
  if (mechanisms.length === 0) problems.push(`sasl.mechanisms must name some of ${offered}`)
  for (const name of mechanisms) {
    if (saslMechanisms.includes(name)) continue
    problems.push(`sasl.mechanisms: there is no ${JSON.stringify(name)}, but ${offered}`)
  }
  for (const [name, password] of Object.entries(users)) {
    if (isText(name) && isText(password)) continue
    problems.push(`sasl.users: the password of ${JSON.stringify(name)} must be a text, not empty`)
  }
  if (sessionLifetimeMs !== undefined && !(sessionLifetimeMs > 0)) {
    problems.push(`sasl.sessionLifetimeMs must be more than 0, not ${sessionLifetimeMs}`)
  }
  if (validateToken !== undefined && !mechanisms.includes('OAUTHBEARER')) {
    problems.push('sasl.validateToken needs OAUTHBEARER among sasl.mechanisms')
  }
  return problems
}

const tlsProblems = (tls: TlsListenerOptions | undefined): string[] => {
  if (tls === undefined) return []
  const isPem = (value: unknown): boolean => isText(value) || value instanceof Uint8Array
  const problems = (['cert', 'key'] as const)
    .filter((name) => !isPem(tls[name]))
    .map((name) => `tls.${name} must be PEM, as text or bytes`)
  if (tls.requestClientCert === true && tls.ca === undefined) {
    problems.push('tls.requestClientCert needs tls.ca: who may sign the certificates of clients')
  }
  return problems
}

/** Throws INVALID_OPTION, naming all that is wrong. Topics are checked when they are made. */
export const checkOptions = (options: ClusterOptions): CheckedOptions => {
  const problems: string[] = []
  const must = (holds: boolean, problem: string): void => {
    if (!holds) problems.push(problem)
  }
  for (const name of Object.keys(options)) {
    const known = (optionNames as readonly string[]).includes(name)
    must(known, `${name} is no option: there are ${optionNames.join(', ')}`)
  }
  const { nodes = 1, port = 0, host = '127.0.0.1', versions = '4.4', electionMs = 0 } = options
  const { defaultPartitions = 1, replicationFactor = Math.min(3, nodes), retention = {} } = options
  const { bytes = Number.POSITIVE_INFINITY, records = Number.POSITIVE_INFINITY } = retention
  must(wholeNumber(nodes, 1, nodesMax), `nodes must be 1 to ${nodesMax}, not ${nodes}`)
  must(wholeNumber(port, 0, portMax), `port must be 0 to ${portMax}, not ${port}`)
  must(electionMs >= 0, `electionMs must be 0 or more, not ${electionMs}`)
  must(
    wholeNumber(defaultPartitions, 1, Number.MAX_SAFE_INTEGER),
    `defaultPartitions must be 1 or more, not ${defaultPartitions}`,
  )
  must(
    wholeNumber(replicationFactor, 1, Math.max(1, nodes)),
    `replicationFactor must be 1 to ${nodes}, the number of nodes, not ${replicationFactor}`,
  )
  must(bytes > 0 && records > 0, 'retention.bytes and retention.records must be more than 0')
  problems.push(...saslProblems(options.sasl), ...tlsProblems(options.tls))
  const transactions = checkTransactionOptions(options.transactions ?? {}, versions, (text) =>
    problems.push(text),
  )
  if (problems.length > 0) throw new KafkaError('INVALID_OPTION', problems.join('; '))
  return {
    nodes,
    port,
    host,
    versions,
    transactions,
    settings: {
      autoCreateTopics: options.autoCreateTopics ?? true,
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
