// Owns the option `spool`: its type, its check and its defaults. Callers: option-table.ts,
// options.ts, ProducerSpool. Invariant: docs/spool.md describes each field.

import type { ProducerRecord, RecordMetadata } from '../engine/record.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'

/** Keeps records on disk until Kafka has acknowledged them; see docs/spool.md. */
export interface SpoolOption {
  /** The directory, one per producer. It is created if it does not exist. */
  readonly directory: string
  /** Size of the directory above which records wait or are rejected. Default: 1 GiB. */
  readonly maxBytes?: number | undefined
  /**
   * What an accepted record survives: `'process'` = the end of the process, including kill -9;
   * `'machine'` = also a loss of power. Default: 'process'.
   */
  readonly durability?: 'process' | 'machine' | undefined
  /**
   * Called with the result of each record of an earlier process: its metadata, or the error.
   * Without it, failures are reported to `onError`.
   */
  readonly onRecovered?:
    | ((result: RecordMetadata | KafkaError, record: ProducerRecord) => void)
    | undefined
  /**
   * `producer.id.expiration.ms` of the brokers: batches of an earlier process that were sent longer
   * ago than this, and have no response, may be stored twice. Default: 86,400,000.
   */
  readonly producerIdExpirationMs?: number | undefined
  /**
   * The handling of these batches: `'resend'` = they are sent again, after an error SPOOL_EXPIRED;
   * `'report'` = they are not sent, and their records are reported as failed; `'deadLetter'` = they
   * are stored as the option `deadLetter` specifies. Default: 'resend'.
   */
  readonly afterExpiration?: 'resend' | 'report' | 'deadLetter' | undefined
}

/** The option with all defaults. */
export interface ResolvedSpool {
  readonly directory: string
  readonly maxBytes: number
  readonly durability: 'process' | 'machine'
  readonly onRecovered:
    | ((result: RecordMetadata | KafkaError, record: ProducerRecord) => void)
    | null
  readonly producerIdExpirationMs: number
  readonly afterExpiration: 'resend' | 'report' | 'deadLetter'
}

const maxBytesDefault = 2 ** 30
const maxBytesMin = 2 ** 20
const dayMs = 86_400_000

export const resolveSpool = (option: SpoolOption): ResolvedSpool => ({
  directory: option.directory,
  maxBytes: option.maxBytes ?? maxBytesDefault,
  durability: option.durability ?? 'process',
  onRecovered: option.onRecovered ?? null,
  producerIdExpirationMs: option.producerIdExpirationMs ?? dayMs,
  afterExpiration: option.afterExpiration ?? 'resend',
})

const isWhole = (value: unknown, min: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= min

/** For each field: whether a given value is valid, and the expected values. */
const fields: Readonly<Record<string, readonly [(value: unknown) => boolean, string]>> = {
  directory: [(value) => typeof value === 'string' && value !== '', 'a path'],
  maxBytes: [(value) => isWhole(value, maxBytesMin), `a whole number from ${maxBytesMin}`],
  durability: [(value) => value === 'process' || value === 'machine', "'process' or 'machine'"],
  onRecovered: [(value) => typeof value === 'function', 'a function'],
  producerIdExpirationMs: [(value) => isWhole(value, 1), 'a whole number from 1'],
  afterExpiration: [
    (value) => value === 'resend' || value === 'report' || value === 'deadLetter',
    "'resend', 'report' or 'deadLetter'",
  ],
}

const show = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'number'
      ? String(value)
      : typeof value

/** The problem with the value of the option, as the end of a sentence; null = none. */
export const spoolProblem = (value: unknown): string | null => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be an object with a directory, got ${show(value)}`
  }
  const problems: string[] = []
  if ((value as { directory?: unknown }).directory === undefined) {
    problems.push('directory is missing')
  }
  for (const [name, given] of Object.entries(value)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) {
      problems.push(`unknown field ${name}: the fields are ${Object.keys(fields).join(', ')}`)
    } else if (given !== undefined && !field[0](given)) {
      problems.push(`${name} must be ${field[1]}, got ${show(given)}`)
    }
  }
  return problems.length === 0 ? null : `is invalid: ${problems.join(' and ')}`
}
