// The settings of layer 1: the four settings of the source system and `onSuccess`, their defaults,
// and their validation. The defaults must equal those of the source system. Caller:
// kafka-producer.ts.

import { readArgument } from '../producer/field-check.ts'
import type { RecordMetadata } from '../producer/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { nearestName } from '../runtime/nearest-name.ts'
import { ownFields } from '../runtime/own-fields.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { Message } from './message.ts'

/** Settings of a KafkaProducer. `batchSize` and `batchTimeoutMs` matter in async mode only. */
export interface ProducerConfig {
  /** The number of messages at which the buffer is flushed; 100 by default. */
  readonly batchSize: number
  /**
   * The buffer is also flushed this long after the first message in it, in milliseconds; 5,000 by
   * default, 0 = never.
   */
  readonly batchTimeoutMs: number
  /**
   * `true` (the default): `send` and `sendBatch` resolve when the messages are in the buffer.
   * `false`: when they are acknowledged.
   */
  readonly async: boolean
  /** Async mode: called for each message that failed. Without it failures are logged. */
  readonly onError?: ((error: KafkaError, message: Message) => unknown) | undefined
  /** Async mode: called for each delivered message with its metadata. */
  readonly onSuccess?: ((metadata: RecordMetadata, message: Message) => unknown) | undefined
}

/** A configuration as it is passed in: omitted or `undefined` fields have their defaults. */
export type ProducerConfigInput = {
  readonly [Name in keyof ProducerConfig]?: ProducerConfig[Name] | undefined
}

/**
 * The defaults of the source system: 100 messages, 5 seconds, async.
 *
 * @example
 * const config = { ...defaultProducerConfig(), batchSize: 9 }
 * const producer = new KafkaProducer('localhost:9092', config)
 */
export const defaultProducerConfig = (): ProducerConfig => ({
  batchSize: 100,
  batchTimeoutMs: 5000,
  async: true,
})

const fieldNames = ['batchSize', 'batchTimeoutMs', 'async', 'onError', 'onSuccess'] as const

const isWhole = (value: unknown): boolean => value === undefined || Number.isSafeInteger(value)

const isFunction = (value: unknown): boolean =>
  value === undefined || value === null || typeof value === 'function'

const problemsOf = (config: ProducerConfigInput): string[] => {
  const problems: string[] = []
  const must = (holds: boolean, name: keyof ProducerConfig, expected: string): void => {
    if (!holds) problems.push(`${name} must be ${expected}, got ${describeValue(config[name])}`)
  }
  must(isWhole(config.batchSize), 'batchSize', 'a whole number')
  must(isWhole(config.batchTimeoutMs), 'batchTimeoutMs', 'whole milliseconds')
  must(config.async === undefined || typeof config.async === 'boolean', 'async', 'true or false')
  must(isFunction(config.onError), 'onError', 'a function')
  must(isFunction(config.onSuccess), 'onSuccess', 'a function')
  for (const name of Object.keys(config)) {
    if ((fieldNames as readonly string[]).includes(name)) continue
    const nearest = nearestName(name, fieldNames)
    const hint =
      nearest === undefined ? `Settings: ${fieldNames.join(', ')}` : `Did you mean "${nearest}"?`
    problems.push(`Unknown setting "${name}". ${hint}`)
  }
  return problems
}

/**
 * Returns a corrected copy, as Validate() of the source system does: a `batchSize` of 0 or less
 * becomes 100, a negative `batchTimeoutMs` becomes 5,000, and missing fields get their defaults.
 * NaN, fractions, wrong types, and unknown names throw one INVALID_OPTION that lists all of them.
 * The argument is not changed.
 *
 * @example
 * validateProducerConfig({ batchSize: 0, batchTimeoutMs: -1 })
 * // { batchSize: 100, batchTimeoutMs: 5000, async: true }
 */
export const validateProducerConfig = (given: ProducerConfigInput): ProducerConfig => {
  if (typeof given !== 'object' || given === null) {
    throw new KafkaError(
      'INVALID_OPTION',
      `the configuration must be an object, got ${describeValue(given)}`,
    )
  }
  const config = readArgument(
    'the configuration',
    () => ({ ...ownFields(given) }),
    'INVALID_OPTION',
  )
  const problems = problemsOf(config)
  if (problems.length > 0) throw new KafkaError('INVALID_OPTION', problems.join('; '))
  const defaults = defaultProducerConfig()
  const { batchSize = 0, batchTimeoutMs = -1, async = defaults.async, onError, onSuccess } = config
  return {
    batchSize: batchSize > 0 ? batchSize : defaults.batchSize,
    batchTimeoutMs: batchTimeoutMs >= 0 ? batchTimeoutMs : defaults.batchTimeoutMs,
    async,
    ...(onError ? { onError } : {}),
    ...(onSuccess ? { onSuccess } : {}),
  }
}
