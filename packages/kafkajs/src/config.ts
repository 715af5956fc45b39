// The types of kafkajs's configuration, and their conversion to Millrace options. A setting that
// the program does not set must keep Millrace's default, not kafkajs's. Callers: kafka.ts,
// producer.ts, and producer-watch.ts.

import { types } from 'node:util'
import { type ProducerOptions, printableText } from 'millrace'
import { KafkaJSConnectionError, KafkaJSNonRetriableError } from './errors.ts'
import { forMillrace, type Logger, type logCreator, type logLevel } from './logger.ts'
import { type ICustomPartitioner, nativePartitioner } from './partitioners.ts'
import { type SecurityConfig, securityOptions } from './security.ts'
import type { SettingWarnings } from './setting-warnings.ts'
import { clientIdSetting, int32Max, type NumberSetting, numberSetting } from './settings.ts'

/** kafkajs's retry settings. */
export interface RetryOptions {
  /** The longest pause between two attempts, in milliseconds. */
  maxRetryTime?: number
  /** The first pause, in milliseconds. */
  initialRetryTime?: number
  /** Accepted but not used: pauses vary by 20 %, the default of kafkajs. */
  factor?: number
  /** The factor between two pauses of `connect()`; 2 by default. */
  multiplier?: number
  /** The number of retries; by default, until `deliveryTimeoutMs` has passed. */
  retries?: number
  /** Accepted but not used: it concerns consumers. */
  restartOnFailure?: (error: Error) => Promise<boolean>
}

/**
 * Any options of millrace, for settings that kafkajs does not have. They replace all other
 * settings.
 */
export type MillraceOptions = Partial<Omit<ProducerOptions, 'brokers' | 'acks'>>

/** Returns the bootstrap servers when a producer connects. */
export type BrokersFunction = () => string[] | Promise<string[]>

/** The configuration of `new Kafka`: kafkajs's configuration, and `millrace`. */
export interface KafkaConfig extends SecurityConfig {
  /** The bootstrap servers, or a function that returns them. */
  brokers: string[] | BrokersFunction
  /** The name of this client on the brokers. */
  clientId?: string
  /** Milliseconds for one connection attempt; 10,000 by default. */
  connectionTimeout?: number
  /** Accepted but not used: the connection's timeouts include the authentication. */
  authenticationTimeout?: number
  /** Accepted but not used: connections authenticate again before their session expires. */
  reauthenticationThreshold?: number
  /** The longest wait for a response in milliseconds; 30,000 by default. */
  requestTimeout?: number
  /** Accepted but not used: every request has a time limit. */
  enforceRequestTimeout?: boolean
  /** How often and how long retriable errors are retried. */
  retry?: RetryOptions
  /** The least severe level that is logged. */
  logLevel?: logLevel
  /** Receives the log entries; the console by default. */
  logCreator?: logCreator
  /** Options of millrace for all producers of this client. */
  millrace?: MillraceOptions
}

/** The configuration of `kafka.producer`: kafkajs's configuration, and `millrace`. */
export interface ProducerConfig {
  /** Chooses partitions; `Partitioners.DefaultPartitioner` by default. */
  createPartitioner?: ICustomPartitioner
  /** Retry settings that replace those of the client. */
  retry?: RetryOptions
  /** Milliseconds after which metadata is refreshed. */
  metadataMaxAge?: number
  /** Lets brokers create topics on first use; true by default. */
  allowAutoTopicCreation?: boolean
  /** On unless it is `false`, as in millrace; in kafkajs it is off by default. */
  idempotent?: boolean
  /** Makes the producer transactional. */
  transactionalId?: string
  /** Milliseconds after which the coordinator aborts an open transaction. */
  transactionTimeout?: number
  /** Requests in flight per broker; 5 by default, which preserves the order of records. */
  maxInFlightRequests?: number
  /** Options of millrace for this producer; they replace the client's. */
  millrace?: MillraceOptions
}

const retriesDefault = 5
const initialRetryMsDefault = 300
const maxRetryMsDefault = 30_000
const multiplierDefault = 2
const connectionTimeoutMsDefault = 10_000
const requestTimeoutMsDefault = 30_000

/** The retries of a call, with kafkajs's defaults. */
export interface RetryPlan {
  readonly retries: number
  /** The program set `retries` itself. */
  readonly isExplicit: boolean
  /** The pause before attempt `index` + 2. */
  readonly pauseMs: (index: number) => number
  /** The sum of all pauses, within the bounds of millrace's options. */
  readonly pausesMs: number
}

export const retryPlan = (retry: RetryOptions, warnings: SettingWarnings): RetryPlan => {
  const number = (name: 'retries' | 'initialRetryTime' | 'maxRetryTime' | 'multiplier') =>
    numberSetting(`retry.${name}`, retry[name], warnings)
  const retries = number('retries')
  const first = number('initialRetryTime') ?? initialRetryMsDefault
  const longest = number('maxRetryTime') ?? maxRetryMsDefault
  const multiplier = number('multiplier') ?? multiplierDefault
  const pauseMs = (index: number): number =>
    Math.min(longest, first * multiplier ** Math.min(index, 30))
  const plan = { retries: retries ?? retriesDefault, isExplicit: retries !== undefined, pauseMs }
  let pausesMs = 0
  for (let index = 0; index < plan.retries && pausesMs < int32Max; index++) {
    const pause = pauseMs(index)
    if (pause === 0) break
    // Once the pauses have their maximum, the remaining sum is a product.
    const isLongest = pause === longest
    pausesMs += isLongest ? pause * (plan.retries - index) : pause
    if (isLongest) break
  }
  return { ...plan, pausesMs: Math.min(int32Max, Math.round(pausesMs)) }
}

/** The longest duration of all attempts if each takes `attemptMs`. */
const totalMs = ({ retries, pausesMs }: RetryPlan, attemptMs: number): number =>
  Math.min(int32Max, Math.max(1, pausesMs + (retries + 1) * attemptMs))

/**
 * kafkajs limits attempts, and millrace limits time: `retries` sets both. An unknown topic is
 * requested for as long as kafkajs would request it.
 */
const retryOptions = (
  retry: RetryOptions,
  plan: RetryPlan,
  attempt: { readonly connectMs: number; readonly requestMs: number },
  warnings: SettingWarnings,
): Partial<ProducerOptions> => {
  const limits = plan.isExplicit
    ? {
        retries: plan.retries,
        maxBlockMs: totalMs(plan, attempt.connectMs),
        deliveryTimeoutMs: totalMs(plan, attempt.requestMs),
        unknownTopicTimeoutMs: plan.pausesMs,
      }
    : {}
  const first = numberSetting('retry.initialRetryTime', retry.initialRetryTime, warnings)
  const longest = numberSetting('retry.maxRetryTime', retry.maxRetryTime, warnings)
  return { ...limits, retryBackoffMs: first, retryBackoffMaxMs: longest }
}

/** Retry settings of a producer: its own before those of the client. */
export const mergedRetry = (config: KafkaConfig, producerConfig: ProducerConfig): RetryOptions => ({
  ...config.retry,
  ...producerConfig.retry,
})

/** The bootstrap servers; throws the error that kafkajs throws if there are none. */
export const resolveBrokers = async (brokers: KafkaConfig['brokers']): Promise<string[]> => {
  let list: unknown = brokers
  if (typeof brokers === 'function') {
    try {
      list = await brokers()
    } catch (thrown) {
      const error = types.isNativeError(thrown) ? thrown : new Error(String(thrown))
      throw new KafkaJSConnectionError(
        printableText(`Failed to connect: "config.brokers" threw: ${error.message}`),
      )
    }
  }
  if (typeof list === 'string') list = [list]
  if (!Array.isArray(list)) {
    throw new KafkaJSNonRetriableError('Failed to connect: brokers should not be null')
  }
  if (list.length === 0) {
    throw new KafkaJSNonRetriableError('Failed to connect: brokers array is empty')
  }
  const index = list.findIndex((broker) => typeof broker !== 'string' || broker.length === 0)
  if (index < 0) return list
  throw new KafkaJSNonRetriableError(
    `Failed to connect: broker at index ${index} is invalid "${typeof list[index]}"`,
  )
}

/** Throws the errors that kafkajs throws, before anything is opened. */
export const checkProducerConfig = (config: ProducerConfig, retry: RetryOptions): void => {
  if (config.idempotent && typeof retry.retries === 'number' && retry.retries < 1) {
    throw new KafkaJSNonRetriableError(
      'Idempotent producer must allow retries to protect against transient errors',
    )
  }
}

/** `undefined` and `null` select millrace's default. */
const booleanSetting = (value: unknown): boolean | undefined =>
  value === undefined || value === null ? undefined : Boolean(value)

/** The SASL mechanism by kafkajs's name. */
export const mechanismOf = ({ sasl }: KafkaConfig): string | undefined =>
  typeof sasl?.mechanism === 'string' ? sasl.mechanism : undefined

/** Options that hold for every send of a producer. */
export const baseOptions = (
  config: KafkaConfig,
  producerConfig: ProducerConfig,
  brokers: string[],
  plan: RetryPlan,
  logger: Logger,
  warnings: SettingWarnings,
): ProducerOptions => {
  const number = (name: NumberSetting, value: unknown) => numberSetting(name, value, warnings)
  const connectTimeoutMs = number('connectionTimeout', config.connectionTimeout)
  const requestTimeoutMs = number('requestTimeout', config.requestTimeout)
  const attempt = {
    connectMs: connectTimeoutMs ?? connectionTimeoutMsDefault,
    requestMs: requestTimeoutMs ?? requestTimeoutMsDefault,
  }
  const { allowAutoTopicCreation = true } = producerConfig
  const { maxInFlightRequests } = producerConfig
  return {
    brokers,
    clientId: clientIdSetting(config.clientId, warnings),
    idempotent: booleanSetting(producerConfig.idempotent),
    connectTimeoutMs,
    requestTimeoutMs,
    metadataMaxAgeMs: number('metadataMaxAge', producerConfig.metadataMaxAge),
    allowAutoTopicCreation: Boolean(allowAutoTopicCreation),
    // More than 5 would not preserve the order of records and would gain nothing, because requests
    // are large already.
    maxInFlightRequests: number('maxInFlightRequests', maxInFlightRequests || undefined) ?? 5,
    partitioner: nativePartitioner(producerConfig.createPartitioner) ?? 'java',
    logger: forMillrace(logger, warnings),
    ...retryOptions(mergedRetry(config, producerConfig), plan, attempt, warnings),
    ...securityOptions(config, logger, warnings),
    ...config.millrace,
    ...producerConfig.millrace,
  }
}

/** The options of the producer that runs transactions; undefined if there are none. */
export const transactionOptions = (
  { transactionalId, transactionTimeout }: ProducerConfig,
  warnings: SettingWarnings,
): Partial<ProducerOptions> | undefined =>
  transactionalId
    ? {
        transactionalId,
        transactionTimeoutMs: numberSetting('transactionTimeout', transactionTimeout, warnings),
        idempotent: true,
      }
    : undefined
