// Sends the messages of one call: calls the user's partitioner if there is one, passes the records
// to millrace, and resolves or rejects as kafkajs does. producer.ts and transaction.ts both use it,
// so that their results and errors are the same.

import type { BatchResult, KafkaError, Producer, ProducerRecord } from 'millrace'
import { type ErrorFacts, invalidTopicError, toKafkaJSError } from './error-mapping.ts'
import { KafkaJSError } from './errors.ts'
import {
  type FailedMessage,
  type PlacedMessage,
  placeMessages,
  type RecordMetadata,
  type TopicMessages,
  toRecord,
  toRecordMetadata,
} from './message.ts'
import {
  type Choose,
  choosePartition,
  type ICustomPartitioner,
  nativePartitioner,
  type PartitionMetadata,
  toPartitionMetadata,
} from './partitioners.ts'
import type { Guard, ProducerWatch } from './producer-watch.ts'

/** The receiver of the records: a producer or a transaction of millrace. */
export interface Target {
  sendBatch(
    records: readonly ProducerRecord[],
    options: { signal?: AbortSignal | undefined },
  ): Promise<BatchResult>
}

/** The error of a call, with the messages that were not delivered. */
export type SendError = Error & { readonly failedMessages?: readonly FailedMessage[] }

const isLegalTopic = (topic: unknown): boolean =>
  typeof topic === 'string' && /^(?!\.{1,2}$)[a-zA-Z0-9._-]{1,249}$/.test(topic)

const isIllegal = ({ topic }: TopicMessages): boolean => !isLegalTopic(topic)

export class Sender {
  readonly #choose: Choose | null
  readonly #facts: ErrorFacts
  readonly #watch: ProducerWatch

  constructor(
    createPartitioner: ICustomPartitioner | null | undefined,
    facts: ErrorFacts,
    watch: ProducerWatch,
  ) {
    const isNative = nativePartitioner(createPartitioner) !== null
    this.#choose = isNative || !createPartitioner ? null : createPartitioner()
    this.#facts = facts
    this.#watch = watch
  }

  /** Resolves when every message has its result; throws if a message was not delivered. */
  async send(
    producer: Producer,
    target: Target,
    topicMessages: readonly TopicMessages[],
    acks: number | null | undefined,
  ): Promise<RecordMetadata[]> {
    const illegal = topicMessages.find(isIllegal)
    if (illegal !== undefined) throw invalidTopicError(String(illegal.topic))
    const messages = placeMessages(topicMessages)
    const guard = this.#watch.beginSend(producer)
    const { signal } = guard
    try {
      const now = Date.now()
      // Without a user's partitioner, the records are passed on synchronously within the call,
      // because a program may disconnect right after it.
      const choose = this.#choose && (await this.#chooser(this.#choose, producer, messages, signal))
      const records = messages.map((one) => toRecord(one, now, choose?.(one)))
      const { results, failedIndexes } = await target.sendBatch(records, { signal })
      if (failedIndexes.length > 0) {
        const reason = this.#reasonOf(producer, guard)
        throw this.#failure(results, failedIndexes, messages, reason)
      }
      // acks may be numeric text.
      if (Number(acks ?? -1) === 0) return []
      return toRecordMetadata(results, records, this.#watch.logStartOffset)
    } catch (error) {
      if (error instanceof KafkaJSError) throw error
      throw toKafkaJSError(this.#reasonOf(producer, guard) ?? error, this.#facts)
    } finally {
      guard.end()
    }
  }

  /** Loads the partitions of every topic, and returns the function that chooses a partition. */
  async #chooser(
    choose: Choose,
    producer: Producer,
    messages: readonly PlacedMessage[],
    signal: AbortSignal | undefined,
  ): Promise<(placed: PlacedMessage) => number> {
    const known = new Map<string, PartitionMetadata[]>()
    for (const { topic } of messages) {
      if (known.has(topic)) continue
      known.set(topic, toPartitionMetadata(await producer.partitionsFor(topic, { signal })))
    }
    return ({ topic, message }) =>
      choosePartition(choose, { topic, partitionMetadata: known.get(topic) ?? [], message })
  }

  /** The outage that cancelled the call, or in which the producer disconnected. */
  #reasonOf(producer: Producer, guard: Guard): KafkaError | null {
    return guard.expiredBy ?? this.#watch.outageOf(producer)
  }

  #failure(
    results: BatchResult['results'],
    failedIndexes: readonly number[],
    messages: readonly PlacedMessage[],
    outage: KafkaError | null,
  ): SendError {
    const failedMessages = failedIndexes.map((index) => ({
      ...messages[index]!,
      error: results[index] as KafkaError,
    }))
    // A non-retriable error is more useful to the caller than a retriable one.
    const { error } = failedMessages.find(({ error }) => !error.retriable) ?? failedMessages[0]!
    // The outage is more useful than the error of a record that it cancelled.
    const reason = outage !== null && error.kind === 'aborted' ? outage : error
    return Object.assign(toKafkaJSError(reason, this.#facts), { failedMessages })
  }
}
