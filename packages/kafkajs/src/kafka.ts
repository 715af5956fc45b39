// The client: keeps the configuration, makes producers, and passes consumers and admin on to
// kafkajs itself.

import type { Admin, AdminConfig, Consumer, ConsumerConfig } from 'kafkajs'
import type { KafkaConfig, ProducerConfig } from './config.ts'
import { KafkaJSNonRetriableError } from './errors.ts'
import { consoleLogCreator, createLogger, type Logger, logLevel } from './logger.ts'
import { originalKafka } from './original.ts'
import { createProducer } from './producer.ts'
import type { Producer } from './producer-types.ts'

/**
 * What `Kafka` of kafkajs is, with producers of millrace.
 *
 * @example
 * const kafka = new Kafka({ clientId: 'shop', brokers: ['localhost:9092'] })
 * const producer = kafka.producer()
 * await producer.connect()
 * await producer.send({ topic: 'orders', messages: [{ key: 'a', value: 'first' }] })
 * await producer.disconnect()
 */
export class Kafka {
  readonly #config: KafkaConfig
  readonly #logger: Logger

  /** Throws KafkaJSNonRetriableError where `brokers` is missing. Connects to nothing. */
  constructor(config: KafkaConfig) {
    if (typeof config !== 'object' || config === null || !config.brokers) {
      throw new KafkaJSNonRetriableError("brokers is missing: for example ['localhost:9092']")
    }
    this.#config = config
    const { logLevel: level = logLevel.INFO, logCreator = consoleLogCreator } = config
    this.#logger = createLogger(level, logCreator)
  }

  /** A producer of millrace with kafkajs's calls. Throws where the configuration is wrong. */
  producer(config: ProducerConfig = {}): Producer {
    return createProducer(this.#config, config, this.#logger)
  }

  /** A consumer of kafkajs itself, which must be installed. */
  consumer(config: ConsumerConfig): Consumer {
    return originalKafka('kafka.consumer()', this.#config).consumer(config)
  }

  /** The admin client of kafkajs itself, which must be installed. */
  admin(config?: AdminConfig): Admin {
    return originalKafka('kafka.admin()', this.#config).admin(config)
  }

  /** The logger of this client. */
  logger(): Logger {
    return this.#logger
  }
}
