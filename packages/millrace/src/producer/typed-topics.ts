// Typed topics: a thin layer over a producer or a transaction that knows what each topic's keys and
// values are, and serializes them. Wrong topics and wrong values do not compile. Records reach the
// producer in the order of the calls, also behind one whose serializer takes its time. Whoever does
// not use it pays nothing.

import type { Data, ProducerRecord, RecordMetadata, SettleCallback } from '../engine/record.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import type { BatchResult } from './batch-send.ts'
import type { RecordSender } from './producer-like.ts'
import { guarded } from './sending.ts'
import { type Serializer, type SerializerContext, serializationError } from './serializers.ts'
import type { WaitOptions } from './wait.ts'

/** How one topic's records are made. */
export interface TopicDefinition {
  /** Makes the key. Without it, keys are text or bytes. */
  // biome-ignore lint/suspicious/noExplicitAny: each topic has a type of its own
  readonly key?: Serializer<any> | undefined
  /** Makes the value; `null` is not passed to it. */
  // biome-ignore lint/suspicious/noExplicitAny: each topic has a type of its own
  readonly value: Serializer<any>
}

/** Topics by name, each with how its records are made. */
export type TopicDefinitions = Readonly<Record<string, TopicDefinition>>

type Input<Given, Fallback> = Given extends Serializer<infer Value> ? Value : Fallback

type RecordOfTopic<Name extends string, Definition extends TopicDefinition> = Omit<
  ProducerRecord,
  'topic' | 'key' | 'value'
> & {
  readonly topic: Name
  readonly key?: Input<Definition['key'], Data> | null | undefined
  /** `null` = a tombstone: it is not serialized. */
  readonly value: Input<Definition['value'], never> | null
}

/** A record of one of the topics. */
export type TypedRecord<Topics extends TopicDefinitions> = {
  [Name in keyof Topics & string]: RecordOfTopic<Name, Topics[Name]>
}[keyof Topics & string]

type Serialized = ProducerRecord | Promise<ProducerRecord>

const apply = (
  serializer: Serializer<unknown>,
  value: unknown,
  context: SerializerContext,
): Data | null | Promise<Data | null> => {
  try {
    const made = serializer(value, context)
    if (!(made instanceof Promise)) return made
    return made.catch((cause) => Promise.reject(serializationError(cause, context)))
  } catch (cause) {
    throw serializationError(cause, context)
  }
}

/**
 * Sends records of topics whose keys and values have types. Over a producer, or over a transaction.
 *
 * @example
 * const topics = new TypedTopics(producer, { clicks: { value: jsonSerializer<{ x: number }>() } })
 * await topics.send({ topic: 'clicks', value: { x: 1 } })
 */
export class TypedTopics<Topics extends TopicDefinitions> {
  readonly #target: RecordSender
  readonly #topics: Topics
  /** Settles when the last record that was serialized slowly has been handed over. */
  #line: Promise<unknown> | null = null

  /** `typedTopics(target, topics)` is the same, and shorter. */
  constructor(target: RecordSender, topics: Topics) {
    this.#target = target
    this.#topics = topics
  }

  /** As `send` of the producer. Rejects with SERIALIZATION_FAILED where the serializer fails. */
  send(record: TypedRecord<Topics>, options?: WaitOptions): Promise<RecordMetadata> {
    let serialized: Serialized
    try {
      serialized = this.#serialize(record)
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    if (this.#line === null && !(serialized instanceof Promise)) {
      return this.#target.send(serialized, options)
    }
    return this.#inTurn([serialized], ([one]) =>
      one instanceof KafkaError ? Promise.reject(one) : this.#target.send(one!, options),
    )
  }

  /** As `sendBatch` of the producer: a record that can't be serialized fails alone. */
  sendBatch(records: readonly TypedRecord<Topics>[], options?: WaitOptions): Promise<BatchResult> {
    if (!Array.isArray(records)) {
      const error = new KafkaError('INVALID_ARGUMENT', 'records is no array of records')
      return guarded(Promise.reject(error))
    }
    const serialized = records.map((record): Serialized | KafkaError => {
      try {
        return this.#serialize(record)
      } catch (error) {
        return asKafkaError(error, 'serialize')
      }
    })
    return this.#inTurn(serialized, (made) => this.#sendMade(made, options))
  }

  /**
   * As `enqueue` of the producer. For serializers that answer at once: throws INVALID_STATE where
   * one answers a promise, or where slow records are still before this one.
   */
  enqueue(record: TypedRecord<Topics>, callback?: SettleCallback): boolean {
    const serialized = this.#serialize(record)
    if (serialized instanceof Promise || this.#line !== null) {
      if (serialized instanceof Promise) guarded(serialized)
      throw new KafkaError(
        'INVALID_STATE',
        `enqueue: a serializer of topic ${record.topic} takes its time, use send or sendBatch`,
      )
    }
    return this.#target.enqueue(serialized, callback)
  }

  async #sendMade(
    made: readonly (ProducerRecord | KafkaError)[],
    options: WaitOptions | undefined,
  ): Promise<BatchResult> {
    const good = made.filter((one): one is ProducerRecord => !(one instanceof KafkaError))
    const sent = await this.#target.sendBatch(good, options)
    if (good.length === made.length) return sent
    let next = 0
    const results = made.map((one) => (one instanceof KafkaError ? one : sent.results[next++]!))
    const failedIndexes = [...results.keys()].filter(
      (index) => results[index] instanceof KafkaError,
    )
    return { results, failedIndexes }
  }

  /** Hands records over when they are made, and when everything before them was handed over. */
  #inTurn<Value>(
    serialized: readonly (Serialized | KafkaError)[],
    handOver: (made: readonly (ProducerRecord | KafkaError)[]) => Promise<Value>,
  ): Promise<Value> {
    const before = this.#line
    const made = Promise.all(
      serialized.map((one) =>
        one instanceof Promise ? one.catch((error) => asKafkaError(error, 'serialize')) : one,
      ),
    )
    // The result comes later; the next in line follows as soon as this one is handed over.
    const handed = Promise.all([made, before]).then(([all]) => ({ result: handOver(all) }))
    const line: Promise<unknown> = handed.then(
      ({ result }) => {
        guarded(result)
        this.#release(line)
      },
      () => this.#release(line),
    )
    this.#line = line
    return guarded(handed.then(({ result }) => result))
  }

  #release(own: Promise<unknown>): void {
    if (this.#line === own) this.#line = null
  }

  /** Throws SERIALIZATION_FAILED, or INVALID_ARGUMENT for a topic that is not defined. */
  #serialize(record: TypedRecord<Topics>): Serialized {
    const { topic, key, value } = record
    const definition = Object.hasOwn(this.#topics, topic) ? this.#topics[topic] : undefined
    if (definition === undefined) {
      const known = Object.keys(this.#topics).join(', ')
      throw new KafkaError('INVALID_ARGUMENT', `topic ${String(topic)}: expected ${known}`)
    }
    const madeKey =
      key === undefined || key === null || definition.key === undefined
        ? (key as Data | null | undefined)
        : apply(definition.key, key, { topic, field: 'key' })
    const madeValue =
      value === null || value === undefined
        ? value
        : apply(definition.value, value, { topic, field: 'value' })
    if (!(madeKey instanceof Promise) && !(madeValue instanceof Promise)) {
      return { ...record, key: madeKey, value: madeValue }
    }
    return Promise.all([madeKey, madeValue]).then(([madeKey, madeValue]) => ({
      ...record,
      key: madeKey,
      value: madeValue,
    }))
  }
}

/**
 * Gives topics types: a topic that is not defined, or a value of the wrong type, does not compile,
 * and what is sent is serialized.
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
