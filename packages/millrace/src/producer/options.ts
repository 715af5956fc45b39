// Owns the check of the caller's options with the option table, and the settings that are created
// from them. Callers: Producer, Admin, diagnose/, options from properties. Invariants: one error
// lists all problems; the caller's object is read and never changed.

import { parseBrokers } from '../cluster-client/address.ts'
import type { ClusterOptions } from '../cluster-client/cluster-client.ts'
import type { CustomPartitioner } from '../engine/partitioner/custom-partitioner.ts'
import type { PartitionerName } from '../engine/partitioner/partitioner.ts'
import type { EngineSettings, FlushSettings } from '../engine/settings.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { heapLimitBytes } from '../runtime/heap-limit.ts'
import { type Logger, printableLogger } from '../runtime/logger.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue, messageOf } from '../runtime/value-kinds.ts'
import {
  compressionRequirements,
  compressionSettings,
  shownCompression,
} from './compression-option.ts'
import type { DeadLetterOption } from './dead-letter-option.ts'
import type { InterceptorOption } from './interceptor.ts'
import { optionTable } from './option-table.ts'
import type { CompressionChoice, FlushOption, ProducerOptions } from './producer-options.ts'
import { Security } from './security.ts'
import { type ResolvedSpool, resolveSpool } from './spool-option.ts'
import { oversizedTopics, topicSettings } from './topics-option.ts'

/** Option names of other clients, and the names in millrace. */
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

/**
 * The options of a producer that are in effect, with the defaults, as plain values. It contains no
 * secret: the mechanism for `sasl`, whether `tls` is on, and `custom` for functions and objects.
 */
export type EffectiveOptions = Readonly<Record<string, string | number | boolean>>

/** Options with all defaults. */
export interface ResolvedOptions {
  readonly engine: EngineSettings
  readonly cluster: Omit<ClusterOptions, 'transport' | 'clock' | 'random' | 'sasl'>
  readonly partitioner: PartitionerName | CustomPartitioner
  readonly topics: ProducerOptions['topics']
  readonly security: Security
  readonly logger: Logger
  readonly onError: ((error: KafkaError) => void) | null
  readonly interceptors: readonly InterceptorOption[]
  readonly enableMetricsPush: boolean
  readonly effective: EffectiveOptions
  /** Null without the option. */
  readonly spool: ResolvedSpool | null
  /** Null without the option. */
  readonly deadLetter: DeadLetterOption | null
}

type Values = { [Name in keyof ProducerOptions]-?: Exclude<ProducerOptions[Name], undefined> }

const optionNames = Object.keys(optionTable) as (keyof ProducerOptions)[]

/** Each option: the user's value, or its default. */
const withDefaults = (options: ProducerOptions): Values => {
  const values: Record<string, unknown> = {}
  for (const name of optionNames) values[name] = options[name] ?? optionTable[name].default
  return values as unknown as Values
}

const unknownName = (name: string): string => {
  const foreign = Object.hasOwn(foreignNames, name) ? foreignNames[name] : undefined
  const nearest = foreign ?? nearestName(name, optionNames)
  return `unknown option '${name}'${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
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

/** Rules that concern several options; they are checked only if each option is valid by itself. */
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
  if (options.spool !== undefined && options.transactionalId !== undefined) {
    problems.push('spool and transactionalId exclude each other: leave one of them out')
  }
  if (options.deadLetter !== undefined && options.transactionalId !== undefined) {
    problems.push('deadLetter and transactionalId exclude each other: leave one of them out')
  }
  if (options.spool?.afterExpiration === 'deadLetter' && options.deadLetter === undefined) {
    problems.push("spool.afterExpiration is 'deadLetter': the option deadLetter is missing")
  }
  if (options.spool !== undefined && !idempotent) {
    problems.push("spool needs idempotent, acks 'all' and retries")
  }
  if (values.batchBytes > values.maxRequestBytes) {
    problems.push(
      `batchBytes is ${values.batchBytes}: at most maxRequestBytes (${values.maxRequestBytes})`,
    )
  }
  problems.push(...oversizedTopics(values.topics, values.maxRequestBytes))
  return problems
}

const acksNumber = ({ acks }: Values): -1 | 0 | 1 => (acks === 'all' ? -1 : acks)

/**
 * Waiting sends may use half of the heap by default. A small bufferMemoryBytes also limits the
 * waiting sends.
 */
const waitingMemoryOf = ({ waitingMemoryBytes, bufferMemoryBytes }: Values): number => {
  if (waitingMemoryBytes !== undefined) return waitingMemoryBytes
  const isSmall = bufferMemoryBytes < (optionTable.bufferMemoryBytes.default as number)
  return isSmall ? 0 : Math.floor(heapLimitBytes() / 2)
}

/** As in the Java client: on by default, off if the given acks or retries exclude it. */
const isIdempotent = (values: Values): boolean =>
  values.idempotent ?? (acksNumber(values) === -1 && values.retries > 0)

const flushSettings = (flush: FlushOption | undefined): FlushSettings | null => {
  if (flush === undefined) return null
  const { records = 0, bytes = 0, intervalMs = 0, maxRecords = 0 } = flush
  // There is nothing to wait for: the same as without the option.
  if (records + bytes + intervalMs + maxRecords === 0) return null
  return { records, bytes, intervalMs, maxRecords }
}

/** The value for display: of a secret, a function or an object only the kind is shown. */
const shown = (name: string, value: unknown): string | number | boolean => {
  if (name === 'brokers') return [value].flat().map(String).join(', ')
  if (name === 'sasl') return (value as { mechanism?: string }).mechanism ?? 'custom'
  if (name === 'tls') return value !== false
  if (name === 'compression') return shownCompression(value as CompressionChoice)
  if (name === 'flush') return JSON.stringify(value)
  return ['string', 'number', 'boolean'].includes(typeof value) ? (value as string) : 'custom'
}

const effectiveOptions = (values: Values): EffectiveOptions => {
  const all = { ...values, idempotent: isIdempotent(values) }
  const entries = optionNames.filter((name) => all[name] !== undefined)
  return Object.fromEntries(entries.map((name) => [name, shown(name, all[name])]))
}

/** The options and their nested objects without inherited fields of Object.prototype. */
const ownOptions = (given: ProducerOptions): ProducerOptions => {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new KafkaError('INVALID_OPTION', `options must be an object, got ${describeValue(given)}`)
  }
  const own = ownFields(given) as unknown as Readonly<Record<string, unknown>>
  const options: Record<string, unknown> = Object.create(null)
  for (const name of new Set([...optionNames, ...Object.keys(own)])) {
    const value = own[name]
    if (value !== undefined) options[name] = ownFields(value)
  }
  return options as unknown as ProducerOptions
}

const clusterOptions = (values: Values, logger: Logger): ResolvedOptions['cluster'] => ({
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
  requirements: compressionRequirements(values.compression),
})

/** Throws one INVALID_OPTION that lists every problem. */
export const resolveOptions = (given: ProducerOptions): ResolvedOptions => {
  try {
    return resolve(given)
  } catch (error) {
    if (error instanceof KafkaError) throw error
    // A getter of the caller threw.
    const message = `options could not be read: ${messageOf(error)}`
    throw new KafkaError('INVALID_OPTION', message, { cause: error })
  }
}

const resolve = (given: ProducerOptions): ResolvedOptions => {
  const options = ownOptions(given)
  const values = withDefaults(options)
  let problems = singleProblems(options)
  if (problems.length === 0) problems = jointProblems(values, options)
  const isSound = problems.length === 0
  const { security, problems: unreadable } = Security.load(
    isSound ? values : { ...values, tls: false },
  )
  problems = [...problems, ...unreadable]
  if (problems.length > 0) {
    throw new KafkaError('INVALID_OPTION', `Invalid options: ${problems.join('; ')}`)
  }
  const logger = printableLogger(values.logger)
  const spool = values.spool === undefined ? null : resolveSpool(values.spool)
  // A record on disk waits without a limit, unless the user set one.
  const isUnlimited = spool !== null && options.deliveryTimeoutMs === undefined
  return {
    engine: {
      acks: acksNumber(values),
      idempotent: isIdempotent(values),
      maxInFlightRequests: values.maxInFlightRequests,
      batchBytes: values.batchBytes,
      maxRequestBytes: values.maxRequestBytes,
      bufferMemoryBytes: values.bufferMemoryBytes,
      waitingMemoryBytes: waitingMemoryOf(values),
      lingerMs: values.lingerMs,
      flush: flushSettings(values.flush),
      deliveryTimeoutMs: isUnlimited ? Number.POSITIVE_INFINITY : values.deliveryTimeoutMs,
      requestTimeoutMs: values.requestTimeoutMs,
      maxBlockMs: values.maxBlockMs,
      recordWaitMs: spool === null ? values.maxBlockMs : Number.POSITIVE_INFINITY,
      unknownTopicTimeoutMs: values.unknownTopicTimeoutMs,
      metadataMaxIdleMs: values.metadataMaxIdleMs,
      retries: acksNumber(values) === 0 ? 0 : values.retries,
      retryBackoffMs: values.retryBackoffMs,
      retryBackoffMaxMs: values.retryBackoffMaxMs,
      transactionalId: values.transactionalId ?? null,
      codecs: compressionSettings(values.compression),
      topics: topicSettings(values),
      partitionerAvailabilityTimeoutMs: values.partitionerAvailabilityTimeoutMs,
      rack: values.rack ?? null,
    },
    cluster: clusterOptions(values, logger),
    partitioner: values.partitioner,
    topics: values.topics,
    security,
    logger,
    onError: values.onError ?? null,
    interceptors: values.interceptors ?? [],
    enableMetricsPush: values.enableMetricsPush,
    effective: effectiveOptions(values),
    spool,
    deadLetter: values.deadLetter ?? null,
  }
}
