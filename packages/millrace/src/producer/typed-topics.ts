// Owns typed topics: a layer over a producer or a transaction that defines the types of each
// topic's keys and values, and serializes them. Unknown topics and wrong types do not compile. It
// is public API. Invariant: records of a topic reach the producer in call order, also after one
// whose serializer returns a promise; topics do not wait for each other.

import type {
  ProducerRecord,
  RecordData,
  RecordMetadata,
  SettleCallback,
} from '../engine/record.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import { describeValue, isPromise, messageOf } from '../runtime/value-kinds.ts'
import { type BatchResult, batchResultOf } from './batch-result.ts'
import { guarded } from './caller.ts'
import { checkRecords, recordAt } from './caller-records.ts'
import { checkReadable } from './field-check.ts'
import { FieldContext, withHeaders } from './field-context.ts'
import type { RecordSender } from './producer-like.ts'
import type { RecordCounts } from './record-sink.ts'
import type { SendAllOptions } from './record-stream.ts'
import { withinLimits } from './serialization-limit.ts'
import { SerializationOrder } from './serialization-order.ts'
import { type Serializer, type SerializerContext, serializationError } from './serializers.ts'
import { type IterableSender, sendAllTyped } from './typed-send-all.ts'
import type { WaitOptions } from './wait.ts'

/** The serializers of one topic. */
export interface TopicDefinition {
  /** Serializes the key. By default, keys are text or bytes. */
  // biome-ignore lint/suspicious/noExplicitAny: each topic has a type of its own
  readonly key?: Serializer<any> | undefined
  /** Serializes the value; it is not called for `null`. */
  // biome-ignore lint/suspicious/noExplicitAny: each topic has a type of its own
  readonly value: Serializer<any>
}

/** Topics by name, each with its serializers. */
export type TopicDefinitions = Readonly<Record<string, TopicDefinition>>

type Input<Given, Fallback> = Given extends Serializer<infer Value> ? Value : Fallback

type RecordOfTopic<Name extends string, Definition extends TopicDefinition> = Omit<
  ProducerRecord,
  'topic' | 'key' | 'value'
> & {
  readonly topic: Name
  readonly key?: Input<Definition['key'], RecordData> | null | undefined
  /** `null` = a tombstone: it is not serialized. */
  readonly value: Input<Definition['value'], never> | null
}

/** A record of one of the topics. */
export type TypedRecord<Topics extends TopicDefinitions> = {
  [Name in keyof Topics & string]: RecordOfTopic<Name, Topics[Name]>
}[keyof Topics & string]

type Serialized = ProducerRecord | Promise<ProducerRecord>

/** A serialized record, or the error of its serializer. */
type Made = ProducerRecord | KafkaError

/** A record of a sendBatch call. */
interface Entry {
  readonly serialized: Serialized | KafkaError
  /** Null if the record is not sent. */
  readonly topic: string | null
}

const madeOf = (serialized: Serialized | KafkaError): Made | Promise<Made> =>
  isPromise(serialized) ? serialized.catch((error) => asKafkaError(error, 'serialize')) : serialized

const apply = (
  serializer: Serializer<unknown>,
  value: unknown,
  context: SerializerContext,
): RecordData | null | Promise<RecordData | null> => {
  try {
    const made = serializer(value, context)
    if (!isPromise(made)) return made
    return made.catch((cause) => Promise.reject(serializationError(cause, context)))
  } catch (cause) {
    throw serializationError(cause, context)
  }
}

/**
 * Sends records of topics with typed keys and values, through a producer or a transaction.
 *
 * @example
 * const topics = new TypedTopics(producer, { clicks: { value: jsonSerializer<{ x: number }>() } })
 * await topics.send({ topic: 'clicks', value: { x: 1 } })
 */
export class TypedTopics<Topics extends TopicDefinitions> {
  readonly #target: RecordSender
  readonly #topics: Topics
  readonly #order = new SerializationOrder()

  /** `typedTopics(target, topics)` calls this constructor. */
  constructor(target: RecordSender, topics: Topics) {
    this.#target = target
    this.#topics = checkReadable('topics', topics)
  }

  /**
   * Like `send` of the producer. Rejects with SERIALIZATION_FAILED if the serializer fails.
   * `options` apply from the call on: a record that is still being serialized when they end is not
   * sent.
   */
  send(record: TypedRecord<Topics>, options?: WaitOptions): Promise<RecordMetadata> {
    let serialized: Serialized
    try {
      serialized = this.#serialize(record)
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    const { topic } = record
    if (!isPromise(serialized) && !this.#order.isWaiting(topic)) {
      return this.#target.send(serialized, options)
    }
    const made = Promise.resolve(madeOf(serialized))
    const sent = withinLimits(options, record as ProducerRecord, (limit) =>
      this.#order.inTurn(topic, 1, made, (one) => {
        const rest = limit?.rest()
        const error = limit?.error ?? (one instanceof KafkaError ? one : null)
        return error === null
          ? this.#target.send(one as ProducerRecord, rest)
          : Promise.reject(error)
      }),
    )
    return guarded(sent)
  }

  /**
   * Like `sendBatch` of the producer: a record that cannot be serialized fails alone, and topics
   * with slow serializers do not delay the others.
   */
  sendBatch(records: readonly TypedRecord<Topics>[], options?: WaitOptions): Promise<BatchResult> {
    try {
      checkRecords('records', records)
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    const entries = Array.from({ length: records.length }, (_, index): Entry => {
      const record = recordAt(records as readonly ProducerRecord[], index) as TypedRecord<Topics>
      const serialized = this.#serializedOrError(record)
      return { serialized, topic: serialized instanceof KafkaError ? null : record.topic }
    })
    return guarded(this.#sendByTopic(entries, options))
  }

  /**
   * Like `enqueue` of the producer, for serializers that return at once: throws INVALID_STATE if
   * one returns a promise, or if records of its topic still wait for one.
   */
  enqueue(record: TypedRecord<Topics>, callback?: SettleCallback): boolean {
    const serialized = this.#serialize(record)
    if (isPromise(serialized) || this.#order.isWaiting(record.topic)) {
      if (isPromise(serialized)) guarded(serialized)
      throw new KafkaError(
        'INVALID_STATE',
        `enqueue: a serializer of topic ${record.topic} is asynchronous: use send or sendBatch`,
      )
    }
    return this.#target.enqueue(serialized, callback)
  }

  /**
   * Like `sendAll` of the producer. A record that cannot be serialized fails like one that cannot
   * be delivered: it is passed to `onFailed`, or ends the reading. Throws INVALID_STATE over a
   * transaction.
   */
  sendAll(
    source: AsyncIterable<TypedRecord<Topics>> | Iterable<TypedRecord<Topics>>,
    options: SendAllOptions<TypedRecord<Topics>> = {},
  ): Promise<RecordCounts> {
    if (!('sendAll' in this.#target)) {
      throw new KafkaError(
        'INVALID_STATE',
        'sendAll must be called on typed topics of a producer, not of a transaction',
      )
    }
    const target = this.#target as IterableSender
    return guarded(
      sendAllTyped(target, source, options, (record) => madeOf(this.#serializedOrError(record))),
    )
  }

  #serializedOrError(record: TypedRecord<Topics>): Serialized | KafkaError {
    try {
      return this.#serialize(record)
    } catch (error) {
      return asKafkaError(error, 'serialize')
    }
  }

  async #sendByTopic(
    entries: readonly Entry[],
    options: WaitOptions | undefined,
  ): Promise<BatchResult> {
    const serialized = entries.map((entry) => entry.serialized)
    const slow = new Map<string, number[]>()
    for (const { topic, serialized: one } of entries) {
      if (topic !== null && (isPromise(one) || this.#order.isWaiting(topic))) slow.set(topic, [])
    }
    if (slow.size === 0) return this.#sendMade(serialized as readonly Made[], options)
    const atOnce: number[] = []
    for (const [index, { topic }] of entries.entries()) {
      const indexes = topic === null ? atOnce : slow.get(topic)
      ;(indexes ?? atOnce).push(index)
    }
    const parts = [...slow].map(([topic, indexes]) => {
      const made = Promise.all(indexes.map((index) => madeOf(serialized[index]!)))
      const sent = withinLimits(options, null, (limit) =>
        this.#order.inTurn(topic, indexes.length, made, (all) => {
          const rest = limit?.rest()
          const error = limit?.error ?? null
          return error === null ? this.#sendMade(all, rest) : Promise.reject(error)
        }),
      )
      return { indexes, sent: guarded(sent) }
    })
    const made = atOnce.map((index) => serialized[index] as Made)
    parts.push({ indexes: atOnce, sent: guarded(this.#sendMade(made, options)) })
    const results = new Array<RecordMetadata | KafkaError>(entries.length)
    for (const { indexes, sent } of parts) {
      const part = await sent.catch((error) => asKafkaError(error, 'sendBatch'))
      indexes.forEach((index, position) => {
        results[index] = part instanceof KafkaError ? part : part.results[position]!
      })
    }
    return batchResultOf(results)
  }

  async #sendMade(made: readonly Made[], options: WaitOptions | undefined): Promise<BatchResult> {
    const good = made.filter((one): one is ProducerRecord => !(one instanceof KafkaError))
    const sent = await this.#target.sendBatch(good, options)
    if (good.length === made.length) return sent
    let next = 0
    const results = made.map((one) => (one instanceof KafkaError ? one : sent.results[next++]!))
    return batchResultOf(results)
  }

  /**
   * Throws SERIALIZATION_FAILED, or INVALID_ARGUMENT for a topic that is not defined or a record
   * that cannot be read.
   */
  #serialize(record: TypedRecord<Topics>): Serialized {
    if (typeof record !== 'object' || record === null) {
      const message = `record must be an object, got ${describeValue(record)}`
      throw new KafkaError('INVALID_ARGUMENT', message)
    }
    try {
      return this.#serializeFields(record)
    } catch (cause) {
      if (cause instanceof KafkaError) throw cause
      const message = `record could not be read: ${messageOf(cause)}`
      throw new KafkaError('INVALID_ARGUMENT', message, { cause })
    }
  }

  #serializeFields(record: TypedRecord<Topics>): Serialized {
    const { topic, key, value } = record
    const definition = Object.hasOwn(this.#topics, topic) ? this.#topics[topic] : undefined
    if (definition === undefined) {
      const known = Object.keys(this.#topics).join(', ')
      throw new KafkaError(
        'INVALID_ARGUMENT',
        `topic must be one of ${known}, got ${describeValue(topic)}`,
      )
    }
    const isKeyMade = key !== undefined && key !== null && definition.key !== undefined
    const isValueMade = value !== null && value !== undefined
    const keyContext = isKeyMade ? new FieldContext(topic, 'key', record) : null
    const valueContext = isValueMade ? new FieldContext(topic, 'value', record) : null
    const madeKey = keyContext === null ? key : apply(definition.key!, key, keyContext)
    const madeValue = valueContext === null ? value : apply(definition.value, value, valueContext)
    const finish = (key: unknown, value: unknown): ProducerRecord => {
      const headers = withHeaders(record.headers, [keyContext, valueContext])
      const made = { ...record, key, value } as ProducerRecord
      return headers === record.headers ? made : { ...made, headers }
    }
    if (!isPromise(madeKey) && !isPromise(madeValue)) {
      return finish(madeKey, madeValue)
    }
    return Promise.all([madeKey, madeValue]).then(([key, value]) => finish(key, value))
  }
}

/**
 * Adds types to topics: an unknown topic or a value of the wrong type does not compile, and values
 * are serialized.
 *
 * @example
 * const value = jsonSerializer<{ id: string; total: number }>()
 * const topics = typedTopics(producer, { orders: { key: textSerializer, value } })
 * await topics.send({ topic: 'orders', key: '42', value: { id: '42', total: 7 } })
 */
export const typedTopics = <const Topics extends TopicDefinitions>(
  target: RecordSender,
  topics: Topics,
): TypedTopics<Topics> => new TypedTopics(target, topics)
