// What the user holds to look at topics and to make them. It owns its connections and closes them;
// every call is a request or two, without a state between them.

import type { ProducerOptions } from '../producer/option-table.ts'
import { resolveOptions } from '../producer/options.ts'
import type { Environment } from '../producer/security.ts'
import type { WaitOptions } from '../producer/wait.ts'
import { type CreateTopicsResponse, createTopicsApi } from '../protocol/api/19-create-topics.ts'
import {
  type DescribeConfigsResponse,
  describeConfigsApi,
} from '../protocol/api/32-describe-configs.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type Clock, systemClock } from '../runtime/clock.ts'
import { systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import { BrokerCalls } from './broker-calls.ts'
import { limited } from './call-limit.ts'
import {
  type CreatedTopic,
  descriptionOf,
  type NewTopic,
  summaryOf,
  type TopicDescription,
  type TopicSummary,
  topicError,
} from './topics.ts'

const systemEnvironment: Environment = {
  clock: systemClock,
  random: systemRandom,
  transport: tcpTransport,
}

/** Kafka's number for a topic among the things that have settings. */
const topicResource = 2

/** "As the broker is set": of counts that the caller does not name. */
const brokerDefault = -1

/**
 * Looks at topics and makes them. It takes a producer's options, and uses those of the connection.
 *
 * @example
 * const admin = new Admin({ brokers: 'localhost:9092' })
 * await admin.createTopic({ name: 'orders', partitions: 6 })
 * console.log(await admin.listTopics())
 * await admin.close()
 */
export class Admin {
  readonly #calls: BrokerCalls
  readonly #clock: Clock
  readonly #timeoutMs: number
  #closed = false

  /** Throws INVALID_OPTION as a producer does. Connects to nothing. */
  constructor(options: ProducerOptions, environment: Environment = systemEnvironment) {
    const { cluster, security, logger } = resolveOptions(options)
    const secured = security.environment(environment)
    this.#clock = secured.clock
    this.#timeoutMs = cluster.requestTimeoutMs
    const sasl = security.sasl(secured, logger)
    this.#calls = new BrokerCalls({ ...cluster, ...secured, sasl })
  }

  /** The topics of the cluster that we may see, by name; Kafka's own are among them. */
  listTopics(options?: WaitOptions): Promise<readonly TopicSummary[]> {
    return this.#call('listTopics', options, async () => {
      const { topics } = await this.#calls.metadata({
        topics: null,
        allowAutoTopicCreation: false,
      })
      return topics
        .filter(({ errorCode }) => errorCode === errorNumber.NONE)
        .map(summaryOf)
        .sort((one, other) => (one.name < other.name ? -1 : 1))
    })
  }

  /** One topic with its partitions and settings; never makes it. Rejects with UNKNOWN_TOPIC. */
  describeTopic(name: string, options?: WaitOptions): Promise<TopicDescription> {
    return this.#call('describeTopic', options, async () => {
      const { topics } = await this.#calls.metadata({
        topics: [{ name: nameOf(name) }],
        allowAutoTopicCreation: false,
      })
      const topic = topics.find((each) => each.name === name)
      const error = topicError(name, topic, 'Metadata')
      if (error !== null || topic === undefined) throw error
      return descriptionOf(topic, await this.#settings(name))
    })
  }

  /**
   * Makes a topic. Rejects where the cluster refuses: with BROKER_REJECTED and the `brokerError`
   * TOPIC_ALREADY_EXISTS where there is one of this name.
   */
  createTopic(topic: NewTopic, options?: WaitOptions): Promise<CreatedTopic> {
    return this.#call('createTopic', options, async () => {
      const name = nameOf(topic.name)
      const { partitions = brokerDefault, replicationFactor = brokerDefault, config = {} } = topic
      const configs = Object.entries(config).map(([key, value]) => ({ name: key, value }))
      const response = await this.#calls.toController(
        createTopicsApi,
        {
          topics: [
            { name, numPartitions: partitions, replicationFactor, assignments: [], configs },
          ],
          timeoutMs: Math.min(options?.timeoutMs ?? this.#timeoutMs, this.#timeoutMs),
        },
        (answer, link) => createError(answer, name, link.name),
      )
      const [made] = response.topics
      return {
        name,
        partitions: made?.numPartitions ?? brokerDefault,
        replicationFactor: made?.replicationFactor ?? brokerDefault,
      }
    })
  }

  /** Ends every connection; calls that wait fail with CLOSED. Twice is harmless. */
  close(): Promise<void> {
    this.#closed = true
    this.#calls.close(new KafkaError('CLOSED', 'the admin was closed'))
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Null where we may not read them. */
  async #settings(name: string): Promise<DescribeConfigsResponse | null> {
    const resource = { resourceType: topicResource, resourceName: name, configurationKeys: null }
    const response = await this.#calls.toAny(
      describeConfigsApi,
      { resources: [resource] },
      () => null,
    )
    return response.results[0]?.errorCode === errorNumber.NONE ? response : null
  }

  #call<Value>(
    what: string,
    options: WaitOptions | undefined,
    call: () => Promise<Value>,
  ): Promise<Value> {
    if (this.#closed) {
      return Promise.reject(new KafkaError('CLOSED', `${what}: the admin is closed`))
    }
    return limited(what, options, this.#timeoutMs, this.#clock, call)
  }
}

const nameOf = (name: string): string => {
  if (typeof name === 'string' && name !== '') return name
  throw new KafkaError('INVALID_ARGUMENT', 'name is no topic name')
}

const createError = (
  response: CreateTopicsResponse,
  topic: string,
  broker: string,
): KafkaError | null => {
  const answer = response.topics.find(({ name }) => name === topic)
  if (answer === undefined) {
    const text = `CreateTopics says nothing of ${topic}`
    return new KafkaError('MALFORMED_RESPONSE', text, { broker, topic, persisted: 'maybe' })
  }
  if (answer.errorCode === errorNumber.NONE) return null
  return brokerError(answer.errorCode, {
    api: createTopicsApi.name,
    topic,
    broker,
    brokerMessage: answer.errorMessage ?? undefined,
  })
}
