// Checks what the user passed against the option table and makes settings of it. One error lists
// every problem; the user's object is read, never changed.

import { parseBrokers } from '../cluster/address.ts'
import type { ClusterOptions } from '../cluster/cluster.ts'
import type { PartitionerName } from '../engine/partitioner.ts'
import type { CustomPartitioner } from '../engine/partitioner-custom.ts'
import type { CompressionSettings, EngineSettings, FlushSettings } from '../engine/settings.ts'
import { codecOf } from '../protocol/compression/codecs.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { consoleLogger, type Logger } from '../runtime/logger.ts'
import type { InterceptorOption } from './interceptors.ts'
import { nearestName } from './nearest-name.ts'
import { type FlushOption, optionTable, type ProducerOptions } from './option-table.ts'
import { Security } from './security.ts'

/** Names that people bring from elsewhere, and ours. */
const foreignNames: Readonly<Record<string, string>> = {
  bootstrapServers: 'brokers',
  enableIdempotence: 'idempotent',
  batchSize: 'batchBytes',
  linger: 'lingerMs',
  bufferMemory: 'bufferMemoryBytes',
  maxRequestSize: 'maxRequestBytes',
  maxInFlight: 'maxInFlightRequests',
  maxInFlightRequestsPerConnection: 'maxInFlightRequests',
  compressionType: 'compression',
  requiredAcks: 'acks',
  createPartitioner: 'partitioner',
  ssl: 'tls',
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly engine: EngineSettings
  readonly cluster: Omit<ClusterOptions, 'transport' | 'clock' | 'random' | 'sasl'>
  readonly partitioner: PartitionerName | CustomPartitioner
  readonly security: Security
  readonly logger: Logger
  readonly onError: ((error: KafkaError) => void) | null
  readonly interceptors: readonly InterceptorOption[]
  readonly enableMetricsPush: boolean
}

type Values = { [Name in keyof ProducerOptions]-?: Exclude<ProducerOptions[Name], undefined> }

const optionNames = Object.keys(optionTable) as (keyof ProducerOptions)[]

/** What each option is: the user's, or its default. */
const withDefaults = (options: ProducerOptions): Values => {
  const values: Record<string, unknown> = {}
  for (const name of optionNames) values[name] = options[name] ?? optionTable[name].default
  return values as unknown as Values
}

const unknownName = (name: string): string => {
  const foreign = Object.hasOwn(foreignNames, name) ? foreignNames[name] : undefined
  const nearest = foreign ?? nearestName(name, optionNames)
  return `${name} is no option${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
}

const singleProblems = (options: ProducerOptions): string[] => {
  const problems: string[] = []
  if (options.brokers === undefined)
    problems.push("brokers is missing: for example 'localhost:9092'")
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(optionTable, name)) problems.push(unknownName(name))
    else if (value !== undefined) {
      const problem = optionTable[name as keyof ProducerOptions].problem(value)
      if (problem !== null) problems.push(`${name} ${problem}`)
    }
  }
  return problems
}

/** Rules between options; asked only when each by itself is right. */
const jointProblems = (values: Values, options: ProducerOptions): string[] => {
  const problems: string[] = []
  const idempotent = isIdempotent(values)
  if (options.idempotent === true && acksNumber(values) !== -1) {
    problems.push(`acks is ${values.acks}: idempotent needs acks 'all'`)
  }
  if (options.idempotent === true && values.retries === 0) {
    problems.push('retries is 0: idempotent needs at least 1')
  }
  if (options.transactionalId !== undefined && !idempotent) {
    problems.push("transactionalId needs idempotent, acks 'all' and retries")
  }
  if (idempotent && values.maxInFlightRequests > 5) {
    problems.push(`maxInFlightRequests is ${values.maxInFlightRequests}: at most 5 when idempotent`)
  }
  const { records = 0, maxRecords = 0 } = values.flush ?? {}
  if (maxRecords > 0 && maxRecords < records) {
    problems.push(`flush.maxRecords is ${maxRecords}: at least flush.records (${records})`)
  }
  if (values.batchBytes > values.maxRequestBytes) {
    problems.push(
      `batchBytes is ${values.batchBytes}: at most maxRequestBytes (${values.maxRequestBytes})`,
    )
  }
  return problems
}

const acksNumber = ({ acks }: Values): -1 | 0 | 1 => (acks === 'all' ? -1 : acks)

/** As Java: on by default, off where acks or retries that were asked for rule it out. */
const isIdempotent = (values: Values): boolean =>
  values.idempotent ?? (acksNumber(values) === -1 && values.retries > 0)

const flushSettings = (flush: FlushOption | undefined): FlushSettings | null => {
  if (flush === undefined) return null
  const { records = 0, bytes = 0, intervalMs = 0, maxRecords = 0 } = flush
  // Nothing to wait for: as without the option.
  if (records + bytes + intervalMs + maxRecords === 0) return null
  return { records, bytes, intervalMs, maxRecords }
}

const compressionSettings = ({ compression }: Values): CompressionSettings | null => {
  const { type, level } =
    typeof compression === 'string' ? { type: compression, level: undefined } : compression
  if (type === 'none') return null
  const codec = codecOf(type)
  return { codecId: codec.id, compress: (bytes, done) => codec.compress(bytes, level, done) }
}

/** Throws one INVALID_OPTION that lists every problem. */
export const resolveOptions = (options: ProducerOptions): ResolvedOptions => {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new KafkaError('INVALID_OPTION', `options are ${String(options)}: expected an object`)
  }
  const values = withDefaults(options)
  let problems = singleProblems(options)
  if (problems.length === 0) problems = jointProblems(values, options)
  const isSound = problems.length === 0
  const { security, problems: unreadable } = Security.load(
    isSound ? values : { ...values, tls: false },
  )
  problems = [...problems, ...unreadable]
  if (problems.length > 0) {
    throw new KafkaError('INVALID_OPTION', `wrong options: ${problems.join('; ')}`)
  }
  const logger = values.logger ?? consoleLogger
  return {
    engine: {
      acks: acksNumber(values),
      idempotent: isIdempotent(values),
      maxInFlightRequests: values.maxInFlightRequests,
      batchBytes: values.batchBytes,
      maxRequestBytes: values.maxRequestBytes,
      bufferMemoryBytes: values.bufferMemoryBytes,
      lingerMs: values.lingerMs,
      flush: flushSettings(values.flush),
      deliveryTimeoutMs: values.deliveryTimeoutMs,
      requestTimeoutMs: values.requestTimeoutMs,
      maxBlockMs: values.maxBlockMs,
      unknownTopicTimeoutMs: values.unknownTopicTimeoutMs,
      retries: acksNumber(values) === 0 ? 0 : values.retries,
      retryBackoffMs: values.retryBackoffMs,
      retryBackoffMaxMs: values.retryBackoffMaxMs,
      transactionalId: values.transactionalId ?? null,
      compression: compressionSettings(values),
    },
    cluster: {
      brokers: parseBrokers(values.brokers),
      clientId: values.clientId,
      logger,
      allowAutoTopicCreation: values.allowAutoTopicCreation,
      transactionalId: values.transactionalId ?? null,
      transactionTimeoutMs: values.transactionTimeoutMs,
      metadataMaxAgeMs: values.metadataMaxAgeMs,
      metadataRecoveryRebootstrapTriggerMs: values.metadataRecoveryRebootstrapTriggerMs,
      retryBackoffMs: values.retryBackoffMs,
      retryBackoffMaxMs: values.retryBackoffMaxMs,
      reconnectBackoffMs: values.reconnectBackoffMs,
      reconnectBackoffMaxMs: values.reconnectBackoffMaxMs,
      connectTimeoutMs: values.connectTimeoutMs,
      requestTimeoutMs: values.requestTimeoutMs,
      connectionsMaxIdleMs: values.connectionsMaxIdleMs,
      maxResponseBytes: values.maxResponseBytes,
    },
    partitioner: values.partitioner,
    security,
    logger,
    onError: values.onError ?? null,
    interceptors: values.interceptors ?? [],
    enableMetricsPush: values.enableMetricsPush,
  }
}
