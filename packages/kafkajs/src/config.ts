// What a program tells kafkajs, and the options of millrace that it becomes. What was not asked for
// keeps the default of millrace.

import type { ProducerOptions } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'
import { forMillrace, type Logger, type logCreator, type logLevel } from './logger.ts'
import { type ICustomPartitioner, nativePartitioner } from './partitioners.ts'
import { type SecurityConfig, securityOptions } from './security.ts'

/** kafkajs's settings of retries. */
export interface RetryOptions {
  /** Longest pause between two attempts, in milliseconds. */
  maxRetryTime?: number
  /** First pause, in milliseconds. */
  initialRetryTime?: number
  /** Taken and not used: pauses vary by 20 %, the default of kafkajs. */
  factor?: number
  /** Taken and not used: pauses double, the default of kafkajs. */
  multiplier?: number
  /** Attempts after the first; without it, until `deliveryTimeoutMs` is over. */
  retries?: number
  /** Taken and not used: it concerns consumers. */
  restartOnFailure?: (error: Error) => Promise<boolean>
}

/** Any option of millrace, for what kafkajs has no name for. It has the last word. */
export type MillraceOptions = Partial<Omit<ProducerOptions, 'brokers' | 'acks'>>

/** Gives the bootstrap servers when a producer connects. */
export type BrokersFunction = () => string[] | Promise<string[]>

/** What `new Kafka` takes: kafkajs's configuration, and `millrace`. */
export interface KafkaConfig extends SecurityConfig {
  /** Bootstrap servers, or a function that gives them. */
  brokers: string[] | BrokersFunction
  /** Name of this client at the brokers. */
  clientId?: string
  /** Milliseconds for one connection attempt; 10,000 by default. */
  connectionTimeout?: number
  /** Taken and not used: the connection's timeouts hold for authentication too. */
  authenticationTimeout?: number
  /** Taken and not used: connections authenticate again in good time. */
  reauthenticationThreshold?: number
  /** Milliseconds until a broker must have answered; 30,000 by default. */
  requestTimeout?: number
  /** Taken and not used: every request has a time limit. */
  enforceRequestTimeout?: boolean
  /** How often and how long what may pass is tried again. */
  retry?: RetryOptions
  /** What is logged: from this level on. */
  logLevel?: logLevel
  /** Where log entries go; to the console by default. */
  logCreator?: logCreator
  /** Options of millrace for all producers of this client. */
  millrace?: MillraceOptions
}

/** What `kafka.producer` takes: kafkajs's configuration, and `millrace`. */
export interface ProducerConfig {
  /** Chooses partitions; `Partitioners.DefaultPartitioner` without it. */
  createPartitioner?: ICustomPartitioner
  /** In place of the client's. */
  retry?: RetryOptions
  /** Milliseconds after which metadata is refreshed. */
  metadataMaxAge?: number
  /** Lets brokers create topics on first use; true by default. */
  allowAutoTopicCreation?: boolean
  /** On unless it is `false`, as millrace has it; kafkajs leaves it off. */
  idempotent?: boolean
  /** Makes the producer transactional. */
  transactionalId?: string
  /** Milliseconds after which the coordinator aborts an open transaction. */
  transactionTimeout?: number
  /** Requests in flight per broker; 5 by default, which keep their order. */
  maxInFlightRequests?: number
  /** Options of millrace for this producer; they go before the client's. */
  millrace?: MillraceOptions
}

const int32Max = 2 ** 31 - 1
const retriesDefault = 5
const initialRetryMsDefault = 300
const maxRetryMsDefault = 30_000
const connectionTimeoutMsDefault = 10_000
const requestTimeoutMsDefault = 30_000

/** How a call is tried again, with kafkajs's defaults. */
export interface RetryPlan {
  readonly retries: number
  /** The pause before attempt `index` + 2. */
  readonly pauseMs: (index: number) => number
}

export const retryPlan = (retry: RetryOptions): RetryPlan => {
  const { retries = retriesDefault, initialRetryTime = initialRetryMsDefault } = retry
  const { maxRetryTime = maxRetryMsDefault } = retry
  return {
    retries,
    pauseMs: (index) => Math.min(maxRetryTime, initialRetryTime * 2 ** Math.min(index, 30)),
  }
}

/** How long all attempts may take if each takes `attemptMs`, as a time that millrace accepts. */
const patienceMs = (retry: RetryOptions, attemptMs: number): number => {
  const { retries, pauseMs } = retryPlan(retry)
  let total = attemptMs
  for (let index = 0; index < retries && total < int32Max; index++) {
    total += pauseMs(index) + attemptMs
  }
  return Math.min(int32Max, Math.max(1, Math.round(total)))
}

/** kafkajs limits attempts where millrace limits time: `retries` becomes both. */
const retryOptions = (retry: RetryOptions, config: KafkaConfig): Partial<ProducerOptions> => {
  const { retries, initialRetryTime, maxRetryTime } = retry
  const { requestTimeout = requestTimeoutMsDefault } = config
  const { connectionTimeout = connectionTimeoutMsDefault } = config
  const limits =
    retries === undefined
      ? {}
      : {
          retries: Math.min(retries, int32Max),
          maxBlockMs: patienceMs(retry, connectionTimeout),
          deliveryTimeoutMs: patienceMs(retry, requestTimeout),
        }
  return { ...limits, retryBackoffMs: initialRetryTime, retryBackoffMaxMs: maxRetryTime }
}

/** Retry settings of a producer: its own before those of the client. */
export const mergedRetry = (config: KafkaConfig, producerConfig: ProducerConfig): RetryOptions => ({
  ...config.retry,
  ...producerConfig.retry,
})

export const resolveBrokers = async (brokers: KafkaConfig['brokers']): Promise<string[]> =>
  typeof brokers === 'function' ? await brokers() : brokers

/** Throws where kafkajs would, before anything is opened. */
export const checkProducerConfig = (config: ProducerConfig, retry: RetryOptions): void => {
  if (config.idempotent === true && retry.retries !== undefined && retry.retries < 1) {
    throw new KafkaJSNonRetriableError(
      `retry.retries is ${retry.retries}: an idempotent producer needs 1 at least`,
    )
  }
}

/** Options that hold for every send of a producer. */
export const baseOptions = (
  config: KafkaConfig,
  producerConfig: ProducerConfig,
  brokers: string[],
  logger: Logger,
): ProducerOptions => {
  const { maxInFlightRequests } = producerConfig
  return {
    brokers,
    clientId: config.clientId ?? 'kafkajs',
    idempotent: producerConfig.idempotent,
    connectTimeoutMs: config.connectionTimeout,
    requestTimeoutMs: config.requestTimeout,
    metadataMaxAgeMs: producerConfig.metadataMaxAge,
    allowAutoTopicCreation: producerConfig.allowAutoTopicCreation,
    // More than 5 would put order at risk and buys nothing: requests are full by themselves.
    maxInFlightRequests: Math.min(maxInFlightRequests ?? 5, 5),
    partitioner: nativePartitioner(producerConfig.createPartitioner) ?? 'java',
    logger: forMillrace(logger),
    ...retryOptions(mergedRetry(config, producerConfig), config),
    ...securityOptions(config),
    ...config.millrace,
    ...producerConfig.millrace,
  }
}
