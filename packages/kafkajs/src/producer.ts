// The kafkajs producer: owns the pool of millrace producers, the transactions, the watch, and the
// events, and closes them on disconnect. Kafka creates it. Its states are disconnected → connected
// → disconnecting → disconnected, as often as the program connects again.

import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaError } from 'millrace'
import {
  baseOptions,
  checkProducerConfig,
  type KafkaConfig,
  mechanismOf,
  mergedRetry,
  type ProducerConfig,
  type RetryPlan,
  resolveBrokers,
  retryPlan,
  transactionOptions,
} from './config.ts'
import { type ErrorFacts, toKafkaJSError } from './error-mapping.ts'
import { KafkaJSError, KafkaJSNonRetriableError, KafkaJSTimeout } from './errors.ts'
import { Events, producerEvents } from './events.ts'
import type { Logger } from './logger.ts'
import { checkBatch, type RecordMetadata } from './message.ts'
import { ProducerPool } from './producer-pool.ts'
import type { Producer, ProducerBatch, ProducerRecord, Transaction } from './producer-types.ts'
import { ProducerWatch } from './producer-watch.ts'
import { type QueueSettings, RequestEvents } from './request-events.ts'
import { Sender } from './sender.ts'
import type { SettingWarnings } from './setting-warnings.ts'
import { clientIdSetting, numberSetting } from './settings.ts'
import { type OffsetsSent, Transactions } from './transaction.ts'

/** The parts that all producers of a client share. */
export interface ClientParts {
  readonly logger: Logger
  readonly warnings: SettingWarnings
  readonly offsetsSent: OffsetsSent
}

const flushTimeoutMsDefault = 500

class ProducerLife {
  readonly #config: KafkaConfig
  readonly #producerConfig: ProducerConfig
  readonly #parts: ClientParts
  readonly #plan: RetryPlan
  readonly #facts: ErrorFacts
  readonly #events: Events
  readonly #watch: ProducerWatch
  readonly #requests: RequestEvents
  readonly #sender: Sender
  #state: 'disconnected' | 'connected' | 'disconnecting' = 'disconnected'
  #connecting: Promise<void> | null = null
  #disconnecting: Promise<void> | null = null
  #pool: ProducerPool | null = null
  #transactions: Transactions | null = null
  #queue: QueueSettings = { broker: '', clientId: '', maxInFlightRequests: null }

  constructor(
    config: KafkaConfig,
    producerConfig: ProducerConfig,
    parts: ClientParts,
    events: Events,
  ) {
    const retry = mergedRetry(config, producerConfig)
    checkProducerConfig(producerConfig, retry)
    this.#config = config
    this.#producerConfig = producerConfig
    this.#parts = parts
    this.#plan = retryPlan(retry, parts.warnings)
    this.#facts = { retries: this.#plan.retries, mechanism: mechanismOf(config) }
    this.#events = events
    this.#watch = new ProducerWatch(this.#plan)
    this.#requests = new RequestEvents(events, this.#watch)
    this.#sender = new Sender(producerConfig.createPartitioner, this.#facts, this.#watch)
  }

  async connect(): Promise<void> {
    await this.#disconnecting
    if (this.#state !== 'connected') {
      this.#connecting ??= this.#connect().finally(() => {
        this.#connecting = null
      })
      await this.#connecting
    }
    // As in kafkajs, each call emits its event, even if the producer is connected already.
    this.#events.emit(producerEvents.CONNECT, null)
  }

  async #connect(): Promise<void> {
    const { logger, warnings } = this.#parts
    const brokers = await resolveBrokers(this.#config.brokers)
    this.#watch.start()
    this.#requests.connected(true)
    let pool: ProducerPool | null = null
    try {
      const config = this.#producerConfig
      const options = baseOptions(this.#config, config, brokers, this.#plan, logger, warnings)
      pool = new ProducerPool(options, this.#watch)
      await this.#reach(pool)
      const own = transactionOptions(config, warnings)
      if (own !== undefined) this.#transactions = this.#makeTransactions({ ...options, ...own })
    } catch (error) {
      await pool?.close()
      this.#watch.stop()
      this.#requests.connected(false)
      throw toKafkaJSError(error, this.#facts)
    }
    this.#pool = pool
    this.#queue = this.#queueSettings(brokers)
    this.#state = 'connected'
  }

  #makeTransactions(options: ConstructorParameters<typeof Transactions>[0]): Transactions {
    return new Transactions(options, {
      sender: this.#sender,
      logger: this.#parts.logger,
      watch: this.#watch,
      facts: this.#facts,
      checkConnected: () => {
        this.#open()
      },
      offsetsSent: this.#parts.offsetsSent,
    })
  }

  #queueSettings([broker = '']: string[]): QueueSettings {
    const { warnings } = this.#parts
    const { maxInFlightRequests: limit } = this.#producerConfig
    const maxInFlightRequests = numberSetting('maxInFlightRequests', limit, warnings) ?? null
    const clientId = clientIdSetting(this.#config.clientId, warnings)
    return { broker, clientId, maxInFlightRequests }
  }

  /** Tries to reach a broker, as often as the retry settings allow. */
  async #reach(pool: ProducerPool): Promise<void> {
    const { retries, pauseMs } = this.#plan
    for (let attempt = 0; ; attempt++) {
      try {
        await pool.use({}, (producer) => producer.connect({ timeoutMs: 0 }))
        return
      } catch (error) {
        const mayPass = error instanceof KafkaError && error.retriable
        if (attempt >= retries || !mayPass) throw error
        const details = { retryCount: attempt, retryTime: pauseMs(attempt) }
        this.#parts.logger.error(`Failed to connect: ${error.message}`, details)
        await sleep(pauseMs(attempt))
      }
    }
  }

  async disconnect(): Promise<void> {
    if (this.#connecting !== null) await this.#connecting.catch(() => {})
    if (this.#state !== 'disconnected') {
      this.#disconnecting ??= this.#disconnect().finally(() => {
        this.#disconnecting = null
      })
      await this.#disconnecting
    }
    this.#events.emit(producerEvents.DISCONNECT, null)
  }

  async #disconnect(): Promise<void> {
    this.#state = 'disconnecting'
    await Promise.all([this.#pool?.close(), this.#transactions?.close()])
    this.#pool = null
    this.#transactions = null
    this.#state = 'disconnected'
    this.#watch.stop()
    this.#requests.connected(false)
  }

  async send(record: ProducerRecord): Promise<RecordMetadata[]> {
    return this.sendBatch(() => {
      const { topic, messages, ...settings } = record
      return { ...settings, topicMessages: [{ topic, messages }] }
    })
  }

  async sendBatch(read: () => ProducerBatch): Promise<RecordMetadata[]> {
    try {
      const { topicMessages = [], ...settings } = read()
      const { acks } = settings
      checkBatch(topicMessages, acks, this.#producerConfig.idempotent === true)
      const pool = this.#open()
      this.#requests.countCall(1, this.#queue)
      try {
        return await pool.use(settings, (producer) =>
          this.#sender.send(producer, producer, topicMessages, acks),
        )
      } finally {
        this.#requests.countCall(-1, this.#queue)
      }
    } catch (error) {
      throw toKafkaJSError(error, this.#facts)
    }
  }

  async flush({ timeout = flushTimeoutMsDefault }: { timeout?: number } = {}): Promise<void> {
    const pool = this.#open()
    try {
      await pool.flush(Math.max(1, timeout))
    } catch (cause) {
      throw new KafkaJSTimeout(`flush() did not end within ${timeout} ms`, { cause })
    }
  }

  async transaction(): Promise<Transaction> {
    if (!this.#producerConfig.transactionalId) {
      throw new KafkaJSNonRetriableError('Must provide transactional id for transactional producer')
    }
    this.#open()
    return this.#transactions!.begin()
  }

  #open(): ProducerPool {
    if (this.#pool !== null && this.#state === 'connected') return this.#pool
    if (this.#state === 'disconnecting') {
      throw new KafkaJSNonRetriableError(
        "The producer is disconnecting; therefore, it can't safely accept messages anymore",
      )
    }
    throw new KafkaJSError('The producer is disconnected')
  }
}

/** Returns a plain object, so that a program may destructure its functions. */
export const createProducer = (
  config: KafkaConfig,
  producerConfig: ProducerConfig,
  client: ClientParts,
): Producer => {
  const logger = client.logger.namespace('Producer')
  const events = new Events(logger)
  const life = new ProducerLife(config, producerConfig, { ...client, logger }, events)
  return {
    connect: () => life.connect(),
    disconnect: () => life.disconnect(),
    flush: async (options) => life.flush(options),
    send: (record) => life.send(record),
    sendBatch: (batch) => life.sendBatch(() => batch),
    transaction: () => life.transaction(),
    isIdempotent: () => producerConfig.idempotent !== false,
    events: producerEvents,
    on: (name, listener) => events.on(name, listener),
    logger: () => logger,
  }
}
