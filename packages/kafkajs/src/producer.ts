// The producer of kafkajs on producers of millrace. Made by Kafka. Its life: disconnected →
// connected → disconnecting → disconnected, as often as one likes.

import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaError, type Producer as MillraceProducer } from 'millrace'
import {
  baseOptions,
  checkProducerConfig,
  type KafkaConfig,
  mergedRetry,
  type ProducerConfig,
  type RetryOptions,
  resolveBrokers,
  retryPlan,
} from './config.ts'
import { toKafkaJSError } from './error-mapping.ts'
import { KafkaJSError, KafkaJSNonRetriableError } from './errors.ts'
import { Events, producerEvents } from './events.ts'
import type { Logger } from './logger.ts'
import type { RecordMetadata } from './message.ts'
import { ProducerPool } from './producer-pool.ts'
import type { Producer, ProducerBatch, Transaction } from './producer-types.ts'
import { RequestEvents } from './request-events.ts'
import { Sender } from './sender.ts'
import { Transactions } from './transaction.ts'

class ProducerLife {
  readonly #config: KafkaConfig
  readonly #producerConfig: ProducerConfig
  readonly #retry: RetryOptions
  readonly #logger: Logger
  readonly #events: Events
  readonly #requests: RequestEvents
  readonly #sender: Sender
  #state: 'disconnected' | 'connected' | 'disconnecting' = 'disconnected'
  #connecting: Promise<void> | null = null
  #disconnecting: Promise<void> | null = null
  #pool: ProducerPool | null = null
  #transactions: Transactions | null = null

  constructor(config: KafkaConfig, producerConfig: ProducerConfig, logger: Logger, events: Events) {
    this.#config = config
    this.#producerConfig = producerConfig
    this.#retry = mergedRetry(config, producerConfig)
    this.#logger = logger
    this.#events = events
    this.#requests = new RequestEvents(events)
    checkProducerConfig(producerConfig, this.#retry)
    this.#sender = new Sender(producerConfig.createPartitioner)
  }

  async connect(): Promise<void> {
    await this.#disconnecting
    if (this.#state === 'connected') return
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null
    })
    await this.#connecting
  }

  async #connect(): Promise<void> {
    const brokers = await resolveBrokers(this.#config.brokers)
    const options = baseOptions(this.#config, this.#producerConfig, brokers, this.#logger)
    const created = (one: MillraceProducer): void => this.#requests.add(one)
    const pool = new ProducerPool(options, created)
    try {
      await this.#reach(pool)
    } catch (error) {
      await pool.close()
      throw toKafkaJSError(error)
    }
    this.#pool = pool
    const { transactionalId, transactionTimeout } = this.#producerConfig
    if (transactionalId) {
      const own = { transactionalId, transactionTimeoutMs: transactionTimeout, idempotent: true }
      const all = { ...options, ...own }
      this.#transactions = new Transactions(all, this.#sender, this.#logger, created)
    }
    this.#state = 'connected'
    this.#requests.connected(true)
    this.#events.emit(producerEvents.CONNECT, null)
  }

  /** Looks for a broker as often as it may. */
  async #reach(pool: ProducerPool): Promise<void> {
    const { retries, pauseMs } = retryPlan(this.#retry)
    for (let attempt = 0; ; attempt++) {
      try {
        await pool.use({}, (producer) => producer.connect())
        return
      } catch (error) {
        const mayPass = error instanceof KafkaError && error.retriable
        if (attempt >= retries || !mayPass) throw error
        this.#logger.warn(`No broker has answered: ${error.message}`, { retryCount: attempt })
        await sleep(pauseMs(attempt))
      }
    }
  }

  async disconnect(): Promise<void> {
    await this.#connecting?.catch(() => {})
    if (this.#state === 'disconnected') return
    this.#disconnecting ??= this.#disconnect().finally(() => {
      this.#disconnecting = null
    })
    await this.#disconnecting
  }

  async #disconnect(): Promise<void> {
    this.#state = 'disconnecting'
    await Promise.all([this.#pool?.close(), this.#transactions?.close()])
    this.#pool = null
    this.#transactions = null
    this.#state = 'disconnected'
    this.#requests.connected(false)
    this.#events.emit(producerEvents.DISCONNECT, null)
  }

  async sendBatch({ topicMessages = [], ...settings }: ProducerBatch): Promise<RecordMetadata[]> {
    const { acks } = settings
    if (this.#producerConfig.idempotent === true && acks !== undefined && acks !== -1) {
      throw new KafkaJSNonRetriableError(`acks is ${acks}: an idempotent producer needs -1`)
    }
    return this.#open().use(settings, (producer) =>
      this.#sender.send(producer, producer, topicMessages, acks),
    )
  }

  async transaction(): Promise<Transaction> {
    this.#open()
    if (this.#transactions !== null) return this.#transactions.begin()
    throw new KafkaJSNonRetriableError('transaction: the producer has no transactionalId')
  }

  #open(): ProducerPool {
    if (this.#pool !== null && this.#state === 'connected') return this.#pool
    if (this.#state === 'disconnecting') {
      throw new KafkaJSNonRetriableError('The producer is disconnecting: it takes nothing more')
    }
    throw new KafkaJSError('The producer is disconnected: call connect() first')
  }
}

/** A plain object, whose functions may be taken out of it. */
export const createProducer = (
  config: KafkaConfig,
  producerConfig: ProducerConfig,
  rootLogger: Logger,
): Producer => {
  const logger = rootLogger.namespace('Producer')
  const events = new Events(logger)
  const life = new ProducerLife(config, producerConfig, logger, events)
  return {
    connect: () => life.connect(),
    disconnect: () => life.disconnect(),
    send: async ({ topic, messages, ...settings }) =>
      life.sendBatch({ ...settings, topicMessages: [{ topic, messages }] }),
    sendBatch: async (batch) => life.sendBatch(batch),
    transaction: () => life.transaction(),
    isIdempotent: () => producerConfig.idempotent !== false,
    events: producerEvents,
    on: (name, listener) => events.on(name, listener),
    logger: () => logger,
  }
}
