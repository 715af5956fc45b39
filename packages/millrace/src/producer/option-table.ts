// Owns the table of all producer options: type, default and limits. No other file lists them.
// Callers: options.ts checks and completes options with it, and scripts/docs.mjs creates
// docs/options.md from it. The docstring of each option is in producer-options.ts. Invariant: a
// message contains no secret.

import { parseBrokers } from '../cluster-client/address.ts'
import { type PartitionerName, partitionerNames } from '../engine/partitioner/partitioner.ts'
import { hasUnprintable } from '../runtime/printable-text.ts'
import { describeValue, messageOf } from '../runtime/value-kinds.ts'
import { compressionBounds, compressionProblem } from './compression-option.ts'
import { deadLetterProblem } from './dead-letter-option.ts'
import { interceptorsProblem } from './interceptor.ts'
import type { PerTopicOptions, ProducerOptions } from './producer-options.ts'
import { saslProblem } from './sasl-option.ts'
import { spoolProblem } from './spool-option.ts'
import { tlsProblem } from './tls-option.ts'
import { topicsProblem } from './topics-option.ts'

/**
 * One row: the allowed values, and the default (`undefined` = none, or derived from other options).
 */
export interface OptionRow {
  /** The kind in messages: `'integer'`, `'boolean'`, `'acks'`, … */
  readonly type: string
  readonly default: unknown
  /** The limit in messages, which `problem` names. */
  readonly bounds: string
  /** The problem with a given value, as the end of a sentence; null = none. */
  readonly problem: (value: unknown) => string | null
}

const integer = (fallback: number, min: number, max: number): OptionRow => {
  const bounds = `a whole number from ${min} to ${max}`
  const fits = (value: unknown): boolean =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
  const problem = (value: unknown): string | null =>
    fits(value) ? null : `must be ${bounds}, got ${describeValue(value)}`
  return { type: 'integer', default: fallback, bounds, problem }
}

const other = (
  type: string,
  fallback: unknown,
  bounds: string,
  accepts: (value: unknown) => boolean,
): OptionRow => ({
  type,
  default: fallback,
  bounds,
  problem: (value) => (accepts(value) ? null : `must be ${bounds}, got ${describeValue(value)}`),
})

const boolean = (fallback: boolean | undefined): OptionRow =>
  other('boolean', fallback, 'true or false', (value) => typeof value === 'boolean')

/** A lone surrogate would be sent as U+FFFD, so two ids would be equal. */
const isText = (value: unknown, lengthMax: number): boolean =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= lengthMax &&
  !hasUnprintable(value)

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const brokersProblem = (value: unknown): string | null => {
  try {
    parseBrokers(value as string)
    return null
  } catch (error) {
    return `must be a list of brokers: ${messageOf(error)}`
  }
}

const flushFields = ['records', 'bytes', 'intervalMs', 'maxRecords']

const flushProblem = (value: unknown): string | null => {
  if (!isObject(value)) return `must be { ${flushFields.join(', ')} }, got ${describeValue(value)}`
  const problems: string[] = []
  for (const [name, count] of Object.entries(value)) {
    const ok = count === undefined || (Number.isInteger(count) && (count as number) >= 0)
    if (!flushFields.includes(name)) problems.push(`unknown field '${name}'`)
    else if (!ok) problems.push(`${name} ${describeValue(count)}`)
  }
  return problems.length === 0
    ? null
    : `must have ${flushFields.join(', ')} as whole numbers from 0, got ${problems.join(' and ')}`
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

/** Options that a topic may override. */
const topicRows = {
  lingerMs: integer(0, 0, hourMs),
  batchBytes: integer(512 * kib, 1 * kib, 64 * mib),
  compression: {
    type: 'string | { type, level } | list',
    default: 'none',
    bounds: `${compressionBounds}, or a list of these by preference`,
    problem: compressionProblem,
  },
  partitioner: other(
    'string | function',
    'java',
    `one of ${partitionerNames.join(', ')}, or a function`,
    (value) => typeof value === 'function' || partitionerNames.includes(value as PartitionerName),
  ),
} as const satisfies Record<keyof PerTopicOptions, OptionRow>

export const optionTable = {
  brokers: {
    type: 'string | string[]',
    default: undefined,
    bounds: "'host:port' entries",
    problem: brokersProblem,
  },
  clientId: other('string', 'millrace', 'a string of 1 to 249 printable characters', (value) =>
    isText(value, 249),
  ),
  acks: other(
    'acks',
    'all',
    "'all' (or -1), 1 or 0",
    (value) => value === 'all' || value === -1 || value === 0 || value === 1,
  ),
  idempotent: boolean(undefined),
  maxInFlightRequests: integer(5, 1, 1000),
  transactionalId: other(
    'string',
    undefined,
    'a string of 1 to 1000 printable characters',
    (value) => isText(value, 1000),
  ),
  transactionTimeoutMs: integer(60_000, 1, int32Max),
  lingerMs: topicRows.lingerMs,
  batchBytes: topicRows.batchBytes,
  maxRequestBytes: integer(8 * mib, 4 * kib, 100 * mib),
  bufferMemoryBytes: integer(32 * mib, 64 * kib, int32Max),
  waitingMemoryBytes: {
    ...integer(0, 0, Number.MAX_SAFE_INTEGER),
    default: undefined,
  },
  maxBlockMs: integer(60_000, 0, int32Max),
  deliveryTimeoutMs: integer(120_000, 1, int32Max),
  requestTimeoutMs: integer(30_000, 1, int32Max),
  unknownTopicTimeoutMs: integer(10_000, 0, int32Max),
  retries: integer(int32Max, 0, int32Max),
  retryBackoffMs: integer(100, 0, hourMs),
  retryBackoffMaxMs: integer(1000, 0, hourMs),
  compression: topicRows.compression,
  partitioner: topicRows.partitioner,
  partitionerAvailabilityTimeoutMs: integer(1000, 0, int32Max),
  rack: other('string', undefined, 'a string of 1 to 1000 printable characters', (value) =>
    isText(value, 1000),
  ),
  topics: {
    type: '{ TOPIC: { compression, batchBytes, … } }',
    default: undefined,
    bounds: '{ compression, batchBytes, lingerMs, partitioner } for each topic',
    problem: (value: unknown) => topicsProblem(value, topicRows),
  },
  flush: {
    type: '{ records, bytes, intervalMs, maxRecords }',
    default: undefined,
    bounds: 'whole numbers from 0',
    problem: flushProblem,
  },
  allowAutoTopicCreation: boolean(true),
  metadataMaxAgeMs: integer(300_000, 1000, int32Max),
  metadataMaxIdleMs: integer(300_000, 5000, int32Max),
  metadataRecoveryRebootstrapTriggerMs: integer(300_000, 0, int32Max),
  connectTimeoutMs: integer(10_000, 1, int32Max),
  reconnectBackoffMs: integer(50, 0, hourMs),
  reconnectBackoffMaxMs: integer(800, 0, hourMs),
  connectionsMaxIdleMs: integer(180_000, 0, int32Max),
  maxResponseBytes: integer(16 * mib, 4 * kib, int32Max),
  tls: {
    type: 'boolean | { ca, cert, key, … } | function',
    default: undefined,
    bounds: 'true, { ca, cert, key, passphrase, pfx, serverName, … }, or a function that gives it',
    problem: tlsProblem,
  },
  sasl: {
    type: '{ mechanism, … }',
    default: undefined,
    bounds: '{ mechanism, … } or a SaslMechanism',
    problem: saslProblem,
  },
  socketFactory: {
    type: 'function',
    default: undefined,
    bounds: 'a function',
    // The value is not shown, because the address of a proxy may contain a password.
    problem: (value) =>
      typeof value === 'function' ? null : `must be a function, got ${typeof value}`,
  },
  keepProcessAlive: boolean(true),
  interceptors: {
    type: '{ onSend, onSettled }[]',
    default: undefined,
    bounds: 'an array of objects with onSend or onSettled',
    problem: interceptorsProblem,
  },
  spool: {
    type: '{ directory, maxBytes, durability, … }',
    default: undefined,
    bounds: '{ directory, maxBytes, durability, onRecovered, … }',
    problem: spoolProblem,
  },
  deadLetter: {
    type: '{ topic } | { file } | function',
    default: undefined,
    bounds: '{ topic }, { file } or a function',
    problem: deadLetterProblem,
  },
  enableMetricsPush: boolean(true),
  logger: other('Logger', undefined, 'an object with debug, info, warn and error', isLogger),
  onError: other('function', undefined, 'a function', (value) => typeof value === 'function'),
} as const satisfies Record<keyof ProducerOptions, OptionRow>
