// The class Kafka: stores the configuration and the logger of a client, creates producers of this
// package, and creates consumers and admin clients of kafkajs itself. Applications create it.
// Creating it must not open a connection.

import type { Admin, AdminConfig, Consumer, ConsumerConfig } from 'kafkajs'
import type { KafkaConfig, ProducerConfig } from './config.ts'
import { KafkaJSNonRetriableError } from './errors.ts'
import { consoleLogCreator, createLogger, type Logger, logLevel } from './logger.ts'
import { markOffsetsCommitted, originalKafka } from './original.ts'
import { createProducer } from './producer.ts'
import type { Producer } from './producer-types.ts'
import { SettingWarnings } from './setting-warnings.ts'

/** Throws if a getter or a proxy of the caller throws. */
const checkReadable = (config: object): void => {
  try {
    Object.entries(config)
  } catch (cause) {
    throw new KafkaJSNonRetriableError(`config could not be read: ${String(cause)}`)
  }
}

/**
 * The class `Kafka` of kafkajs, with producers of millrace.
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
  readonly #warnings: SettingWarnings
  /** kafkajs's own client; it is shared because consumers of one client share committed offsets. */
  #original: InstanceType<typeof import('kafkajs').Kafka> | null = null

  /** Opens no connection: `connect()` of a producer does. */
  constructor(config: KafkaConfig) {
    if (typeof config !== 'object' || config === null) {
      throw new KafkaJSNonRetriableError(`config must be an object, got ${typeof config}`)
    }
    checkReadable(config)
    this.#config = config
    const { logLevel: level = logLevel.INFO, logCreator = consoleLogCreator } = config
    this.#logger = createLogger(level, logCreator)
    this.#warnings = new SettingWarnings(this.#logger)
  }

  /** A producer of millrace with kafkajs's methods. Throws if the configuration is invalid. */
  producer(config: ProducerConfig = {}): Producer {
    checkReadable(config)
    return createProducer(this.#config, config, {
      logger: this.#logger,
      warnings: this.#warnings,
      offsetsSent: (groupId, topics) => {
        if (this.#original !== null) markOffsetsCommitted(this.#original, groupId, topics)
      },
    })
  }

  /** A consumer of kafkajs itself, which must be installed. */
  consumer(config: ConsumerConfig): Consumer {
    return this.#originalKafka('kafka.consumer()').consumer(config)
  }

  /** The admin client of kafkajs itself, which must be installed. */
  admin(config?: AdminConfig): Admin {
    return this.#originalKafka('kafka.admin()').admin(config)
  }

  /** The logger of this client. */
  logger(): Logger {
    return this.#logger
  }

  #originalKafka(what: string): InstanceType<typeof import('kafkajs').Kafka> {
    this.#original ??= originalKafka(what, this.#config)
    return this.#original
  }
}
