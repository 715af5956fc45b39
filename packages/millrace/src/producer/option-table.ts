// Every option of a producer: name, type, default, bounds and what it does. The only place where
// options are listed; checking, defaults and the documentation page are made from it.

import { parseBrokers } from '../cluster/address.ts'
import { type PartitionerName, partitionerNames } from '../engine/partitioner.ts'
import type { CustomPartitioner } from '../engine/partitioner-custom.ts'
import type { CompressionType } from '../protocol/compression/codec.ts'
import { codecOf, compressionTypes } from '../protocol/compression/codecs.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { SocketFactory } from '../runtime/dial-transport.ts'
import type { Logger } from '../runtime/logger.ts'
import type { TlsOptions } from '../runtime/tls-settings.ts'
import { type InterceptorOption, interceptorsProblem } from './interceptors.ts'
import { type SaslOption, saslProblem } from './sasl-option.ts'
import { tlsProblem } from './tls-option.ts'

/** How many brokers must have a record before it counts as delivered. */
export type Acks = 'all' | -1 | 0 | 1

/** A codec with a level of its own (KIP-390). */
export interface CompressionOption {
  /** The codec. */
  readonly type: CompressionType
  /**
   * gzip -1 or 1 to 9, zstd -131072 to 22; snappy and lz4 take none. The codec's default without
   * it.
   */
  readonly level?: number | undefined
}

/** Flushing by counts and time instead of natural batching; 0 or left out = not by this. */
export interface FlushOption {
  /** Records over all topics; sarama's `Flush.Messages`. */
  readonly records?: number | undefined
  /** Bytes of records over all topics; sarama's `Flush.Bytes`. */
  readonly bytes?: number | undefined
  /** Milliseconds after the first record of an empty buffer; sarama's `Flush.Frequency`. */
  readonly intervalMs?: number | undefined
  /** Records in one batch at most; sarama's `Flush.MaxMessages`. */
  readonly maxRecords?: number | undefined
}

/** Options of a producer. All but `brokers` may be left out; `undefined` counts as left out. */
export interface ProducerOptions {
  /** Bootstrap servers: `host:port`, several separated by commas or as an array. */
  readonly brokers: string | readonly string[]
  /** Name of this client in the logs, metrics and quotas of the brokers. Default: 'millrace'. */
  readonly clientId?: string | undefined
  /**
   * When a record counts as delivered: `'all'` = all in-sync replicas have it, 1 = the leader, 0 =
   * it was handed to the operating system. Default: 'all'.
   */
  readonly acks?: Acks | undefined
  /**
   * Records are stored exactly once and in order, whatever is retried. On by default with acks
   * 'all'.
   */
  readonly idempotent?: boolean | undefined
  /** Produce requests in flight per broker; at most 5 when idempotent. Default: 5. */
  readonly maxInFlightRequests?: number | undefined
  /**
   * Makes the producer transactional. Stable over restarts, and of one producer at a time: a new
   * one fences the old one, and ends what it left open.
   */
  readonly transactionalId?: string | undefined
  /**
   * How long a transaction may be open before its coordinator aborts it; brokers allow up to their
   * transaction.max.timeout.ms, 15 minutes by default. Default: 60,000.
   */
  readonly transactionTimeoutMs?: number | undefined
  /**
   * How long a batch waits for more records. 0 is fast and batches well: see natural batching.
   * Default: 0.
   */
  readonly lingerMs?: number | undefined
  /** Size of a full batch, before compression. Default: 512 KiB. */
  readonly batchBytes?: number | undefined
  /** Size of a Produce request; a record that does not fit is refused. Default: 8 MiB. */
  readonly maxRequestBytes?: number | undefined
  /**
   * Memory for records that are not settled; 3/8 of it for batches, the rest for sends in line.
   * Default: 32 MiB.
   */
  readonly bufferMemoryBytes?: number | undefined
  /** How long a send waits for room in the buffer or for metadata of its topic. Default: 60,000. */
  readonly maxBlockMs?: number | undefined
  /**
   * How long a record may take from its batch to its acknowledgement, retries included. Default:
   * 120,000.
   */
  readonly deliveryTimeoutMs?: number | undefined
  /** How long a broker may take to answer a request. Default: 30,000. */
  readonly requestTimeoutMs?: number | undefined
  /**
   * How long a topic may be unknown to the brokers before its records fail with UNKNOWN_TOPIC.
   * Default: 10,000.
   */
  readonly unknownTopicTimeoutMs?: number | undefined
  /** How often a batch is sent again; deliveryTimeoutMs is the better limit. Default: unlimited. */
  readonly retries?: number | undefined
  /** Pause before the first retry; doubles each time, ±20 %. Default: 100. */
  readonly retryBackoffMs?: number | undefined
  /** Longest pause between retries. Default: 1,000. */
  readonly retryBackoffMaxMs?: number | undefined
  /**
   * Codec of the batches, off the main thread. A batch that would grow goes out plain. Default:
   * 'none'.
   */
  readonly compression?: CompressionType | CompressionOption | undefined
  /** Chooses the partition of records that name none. Default: 'java'. */
  readonly partitioner?: PartitionerName | CustomPartitioner | undefined
  /** Flushing as sarama does it, counted over the whole producer; replaces natural batching. */
  readonly flush?: FlushOption | undefined
  /** Lets brokers create topics on first use, if they do that. Default: true. */
  readonly allowAutoTopicCreation?: boolean | undefined
  /** Age at which metadata is refreshed. Default: 300,000. */
  readonly metadataMaxAgeMs?: number | undefined
  /**
   * Without metadata for this long, start again from the bootstrap servers (KIP-1102). Default:
   * 300,000.
   */
  readonly metadataRecoveryRebootstrapTriggerMs?: number | undefined
  /** How long one connection attempt may take. Default: 10,000. */
  readonly connectTimeoutMs?: number | undefined
  /** Pause before connecting again; doubles, ±20 %. Default: 50. */
  readonly reconnectBackoffMs?: number | undefined
  /** Longest pause between connection attempts. Default: 800. */
  readonly reconnectBackoffMaxMs?: number | undefined
  /**
   * A connection without a request for this long is closed; 0 = never. Load balancers drop idle
   * connections silently after 4 minutes and brokers after 10, so ours goes first. Default:
   * 180,000.
   */
  readonly connectionsMaxIdleMs?: number | undefined
  /** Size of the largest answer accepted. Default: 100 MiB. */
  readonly maxResponseBytes?: number | undefined
  /**
   * Connects with TLS: `true` trusts the public authorities; see docs/security.md for your own, and
   * for client certificates.
   */
  readonly tls?: boolean | TlsOptions | undefined
  /**
   * Who we are: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or a mechanism of your own; see
   * docs/security.md.
   */
  readonly sasl?: SaslOption | undefined
  /**
   * Opens the sockets instead of TCP: `({ host, port })` gives a Duplex, or a promise of one. For
   * proxies and tunnels; TLS runs on top.
   */
  readonly socketFactory?: SocketFactory | undefined
  /** Whether open connections and timers keep the process alive. Default: true. */
  readonly keepProcessAlive?: boolean | undefined
  /** Called around every record: `onSend` may replace it, `onSettled` is told its result. */
  readonly interceptors?: readonly InterceptorOption[] | undefined
  /**
   * Pushes metrics to brokers that ask for them (KIP-714); see docs/telemetry.md. Default: true.
   */
  readonly enableMetricsPush?: boolean | undefined
  /** Where words go; by default warnings and errors to the console. */
  readonly logger?: Logger | undefined
  /** Told of every failed send, also of those whose promise nobody awaits. */
  readonly onError?: ((error: KafkaError) => void) | undefined
}

/** One row: what it may be, and its default (`undefined` = none, or decided from others). */
export interface OptionRow {
  /** For people: `'integer'`, `'boolean'`, `'acks'`, … */
  readonly type: string
  readonly default: unknown
  /** For people: the bound that `problem` names. */
  readonly bounds: string
  readonly doc: string
  /** What is wrong with a value that was given, as the end of a sentence; null = nothing. */
  readonly problem: (value: unknown) => string | null
}

const describe = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'object' && value !== null) return value.constructor?.name ?? 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

const integer = (fallback: number, min: number, max: number, doc: string): OptionRow => {
  const bounds = `a whole number from ${min} to ${max}`
  const fits = (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  const problem = (value: unknown): string | null =>
    fits(value) ? null : `is ${describe(value)}: expected ${bounds}`
  return { type: 'integer', default: fallback, bounds, doc, problem }
}

const other = (
  type: string,
  fallback: unknown,
  bounds: string,
  doc: string,
  accepts: (value: unknown) => boolean,
): OptionRow => ({
  type,
  default: fallback,
  bounds,
  doc,
  problem: (value) => (accepts(value) ? null : `is ${describe(value)}: expected ${bounds}`),
})

const boolean = (fallback: boolean | undefined, doc: string): OptionRow =>
  other('boolean', fallback, 'true or false', doc, (value) => typeof value === 'boolean')

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const brokersProblem = (value: unknown): string | null => {
  try {
    parseBrokers(value as string)
    return null
  } catch (error) {
    return `is wrong: ${(error as Error).message}`
  }
}

const isCodecField = (name: string): boolean => name === 'type' || name === 'level'

const compressionProblem = (value: unknown): string | null => {
  const type = isObject(value) ? value.type : value
  const level = isObject(value) ? value.level : undefined
  if (!compressionTypes.includes(type as CompressionType)) {
    return `is ${describe(type)}: expected ${compressionTypes.join(', ')}, or { type, level }`
  }
  if (level !== undefined && typeof level !== 'number') {
    return `has the level ${describe(level)}: expected a number`
  }
  const strange = isObject(value) ? Object.keys(value).filter((name) => !isCodecField(name)) : []
  if (strange.length > 0) return `has '${strange.join("', '")}': expected { type, level }`
  const wrong = codecOf(type as CompressionType).levelProblem(level)
  return wrong === null ? null : `has a wrong level: ${wrong}`
}

const flushFields = ['records', 'bytes', 'intervalMs', 'maxRecords']

const flushProblem = (value: unknown): string | null => {
  if (!isObject(value)) return `is ${describe(value)}: expected { ${flushFields.join(', ')} }`
  const problems: string[] = []
  for (const [name, count] of Object.entries(value)) {
    const ok = count === undefined || (Number.isInteger(count) && (count as number) >= 0)
    if (!flushFields.includes(name)) problems.push(`'${name}': expected ${flushFields.join(', ')}`)
    else if (!ok) problems.push(`${name} ${describe(count)}: expected a whole number from 0`)
  }
  return problems.length === 0 ? null : `has ${problems.join(' and ')}`
}

const loggerCalls = ['debug', 'info', 'warn', 'error']
const isLogger = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  loggerCalls.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')

const kib = 1024
const mib = 1024 * kib
const int32Max = 2 ** 31 - 1
const hourMs = 3_600_000

export const optionTable = {
  brokers: {
    type: 'string | string[]',
    default: undefined,
    bounds: "'host:port' entries",
    doc: 'Bootstrap servers: `host:port`, several separated by commas or as an array.',
    problem: brokersProblem,
  },
  clientId: other(
    'string',
    'millrace',
    'a string of 1 to 249 characters',
    'Name of this client in the logs, metrics and quotas of the brokers.',
    (value) => typeof value === 'string' && value.length > 0 && value.length < 250,
  ),
  acks: other(
    'acks',
    'all',
    "'all' (or -1), 1 or 0",
    "When a record counts as delivered: `'all'` = all in-sync replicas have it, 1 = the leader, " +
      '0 = it was handed to the operating system.',
    (value) => value === 'all' || value === -1 || value === 0 || value === 1,
  ),
  idempotent: boolean(
    undefined,
    'Records are stored exactly once and in order, whatever is retried. On by default with acks ' +
      "'all'.",
  ),
  maxInFlightRequests: integer(
    5,
    1,
    1000,
    'Produce requests in flight per broker; at most 5 when idempotent.',
  ),
  transactionalId: other(
    'string',
    undefined,
    'a string of 1 to 1000 characters',
    'Makes the producer transactional. Stable over restarts, and of one producer at a time: a ' +
      'new one fences the old one, and ends what it left open.',
    (value) => typeof value === 'string' && value.length > 0 && value.length <= 1000,
  ),
  transactionTimeoutMs: integer(
    60_000,
    1,
    int32Max,
    'How long a transaction may be open before its coordinator aborts it; brokers allow up to ' +
      'their transaction.max.timeout.ms, 15 minutes by default.',
  ),
  lingerMs: integer(
    0,
    0,
    hourMs,
    'How long a batch waits for more records. 0 is fast and batches well: see natural batching.',
  ),
  batchBytes: integer(512 * kib, 1 * kib, 64 * mib, 'Size of a full batch, before compression.'),
  maxRequestBytes: integer(
    8 * mib,
    4 * kib,
    100 * mib,
    'Size of a Produce request; a record that does not fit is refused.',
  ),
  bufferMemoryBytes: integer(
    32 * mib,
    64 * kib,
    int32Max,
    'Memory for records that are not settled; 3/8 of it for batches, the rest for sends in line.',
  ),
  maxBlockMs: integer(
    60_000,
    0,
    int32Max,
    'How long a send waits for room in the buffer or for metadata of its topic.',
  ),
  deliveryTimeoutMs: integer(
    120_000,
    1,
    int32Max,
    'How long a record may take from its batch to its acknowledgement, retries included.',
  ),
  requestTimeoutMs: integer(30_000, 1, int32Max, 'How long a broker may take to answer a request.'),
  unknownTopicTimeoutMs: integer(
    10_000,
    0,
    int32Max,
    'How long a topic may be unknown to the brokers before its records fail with UNKNOWN_TOPIC.',
  ),
  retries: integer(
    int32Max,
    0,
    int32Max,
    'How often a batch is sent again; deliveryTimeoutMs is the better limit.',
  ),
  retryBackoffMs: integer(
    100,
    0,
    hourMs,
    'Pause before the first retry; doubles each time, ±20 %.',
  ),
  retryBackoffMaxMs: integer(1000, 0, hourMs, 'Longest pause between retries.'),
  compression: {
    type: 'string | { type, level }',
    default: 'none',
    bounds: compressionTypes.join(', '),
    doc: 'Codec of the batches, off the main thread. A batch that would grow goes out plain.',
    problem: compressionProblem,
  },
  partitioner: other(
    'string | function',
    'java',
    `${partitionerNames.join(', ')}, or a function`,
    'Chooses the partition of records that name none.',
    (value) => typeof value === 'function' || partitionerNames.includes(value as PartitionerName),
  ),
  flush: {
    type: '{ records, bytes, intervalMs, maxRecords }',
    default: undefined,
    bounds: 'whole numbers from 0',
    doc: 'Flushing as sarama does it, counted over the whole producer; replaces natural batching.',
    problem: flushProblem,
  },
  allowAutoTopicCreation: boolean(
    true,
    'Lets brokers create topics on first use, if they do that.',
  ),
  metadataMaxAgeMs: integer(300_000, 1000, int32Max, 'Age at which metadata is refreshed.'),
  metadataRecoveryRebootstrapTriggerMs: integer(
    300_000,
    0,
    int32Max,
    'Without metadata for this long, start again from the bootstrap servers (KIP-1102).',
  ),
  connectTimeoutMs: integer(10_000, 1, int32Max, 'How long one connection attempt may take.'),
  reconnectBackoffMs: integer(50, 0, hourMs, 'Pause before connecting again; doubles, ±20 %.'),
  reconnectBackoffMaxMs: integer(800, 0, hourMs, 'Longest pause between connection attempts.'),
  connectionsMaxIdleMs: integer(
    180_000,
    0,
    int32Max,
    'A connection without a request for this long is closed; 0 = never. Load balancers drop idle ' +
      'connections silently after 4 minutes and brokers after 10, so ours goes first.',
  ),
  maxResponseBytes: integer(100 * mib, 4 * kib, int32Max, 'Size of the largest answer accepted.'),
  tls: {
    type: 'boolean | { ca, cert, key, … }',
    default: undefined,
    bounds: 'true, or { ca, cert, key, passphrase, pfx, serverName, … }',
    doc:
      'Connects with TLS: `true` trusts the public authorities; see [security](security.md) for ' +
      'your own, and for client certificates.',
    problem: tlsProblem,
  },
  sasl: {
    type: '{ mechanism, … }',
    default: undefined,
    bounds: '{ mechanism, … } or a SaslMechanism',
    doc:
      'Who we are: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or a mechanism of your own; ' +
      'see [security](security.md).',
    problem: saslProblem,
  },
  socketFactory: {
    type: 'function',
    default: undefined,
    bounds: 'a function',
    doc:
      'Opens the sockets instead of TCP: `({ host, port })` gives a Duplex, or a promise of one. ' +
      'For proxies and tunnels; TLS runs on top.',
    // The value is not shown: the address of a proxy may have a password in it.
    problem: (value) =>
      typeof value === 'function' ? null : `is a ${typeof value}: expected a function`,
  },
  keepProcessAlive: boolean(true, 'Whether open connections and timers keep the process alive.'),
  interceptors: {
    type: '{ onSend, onSettled }[]',
    default: undefined,
    bounds: 'an array of objects with onSend or onSettled',
    doc: 'Called around every record: `onSend` may replace it, `onSettled` is told its result.',
    problem: interceptorsProblem,
  },
  enableMetricsPush: boolean(
    true,
    'Pushes metrics to brokers that ask for them (KIP-714); see [telemetry](telemetry.md).',
  ),
  logger: other(
    'Logger',
    undefined,
    'an object with debug, info, warn and error',
    'Where words go; by default warnings and errors to the console.',
    isLogger,
  ),
  onError: other(
    'function',
    undefined,
    'a function',
    'Told of every failed send, also of those whose promise nobody awaits.',
    (value) => typeof value === 'function',
  ),
} as const satisfies Record<keyof ProducerOptions, OptionRow>
