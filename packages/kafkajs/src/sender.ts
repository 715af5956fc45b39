// Sends the messages of one call: chooses partitions where the user brought a partitioner, hands
// the records over, and answers or throws as kafkajs does. Producers and transactions both send by
// it.

import type { BatchResult, KafkaError, Producer, ProducerRecord } from 'millrace'
import { toKafkaJSError } from './error-mapping.ts'
import {
  checkTopicMessages,
  type FailedMessage,
  type Message,
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

/** What records are handed to: a producer, or a transaction of one. */
export interface Target {
  sendBatch(records: readonly ProducerRecord[]): Promise<BatchResult>
}

/** The error of a call, which also says what of it was not delivered. */
export type SendError = Error & { readonly failedMessages?: readonly FailedMessage[] }

export class Sender {
  readonly #choose: Choose | null

  constructor(createPartitioner: ICustomPartitioner | null | undefined) {
    const isNative = nativePartitioner(createPartitioner) !== null
    this.#choose = isNative || !createPartitioner ? null : createPartitioner()
  }

  /** Resolves when every message has its result; throws where one was not delivered. */
  async send(
    producer: Pick<Producer, 'partitionsFor'>,
    target: Target,
    topicMessages: readonly TopicMessages[],
    acks: number | null | undefined,
  ): Promise<RecordMetadata[]> {
    checkTopicMessages(topicMessages)
    const now = Date.now()
    try {
      const choose = await this.#chooser(producer, topicMessages)
      const records = topicMessages.flatMap(({ topic, messages }) =>
        messages.map((message) => toRecord(topic, message, now, choose)),
      )
      const { results, failedIndexes } = await target.sendBatch(records)
      const [first] = failedIndexes
      if (first !== undefined) throw failure(results, failedIndexes, topicMessages)
      return acks === 0 ? [] : toRecordMetadata(results, records)
    } catch (error) {
      throw toKafkaJSError(error)
    }
  }

  /** What chooses partitions, with the partitions of every topic at hand; null = millrace. */
  async #chooser(
    producer: Pick<Producer, 'partitionsFor'>,
    topicMessages: readonly TopicMessages[],
  ): Promise<((topic: string, message: Message) => number) | null> {
    const choose = this.#choose
    if (choose === null) return null
    const known = new Map<string, PartitionMetadata[]>()
    for (const { topic } of topicMessages) {
      if (known.has(topic)) continue
      known.set(topic, toPartitionMetadata(await producer.partitionsFor(topic)))
    }
    return (topic, message) =>
      choosePartition(choose, { topic, partitionMetadata: known.get(topic) ?? [], message })
  }
}

const failure = (
  results: BatchResult['results'],
  failedIndexes: readonly number[],
  topicMessages: readonly TopicMessages[],
): SendError => {
  const all = topicMessages.flatMap(({ topic, messages }) =>
    messages.map((message) => ({ topic, message })),
  )
  const failedMessages = failedIndexes.map((index) => ({
    ...all[index]!,
    error: results[index] as KafkaError,
  }))
  // What can't be helped says more than what might have passed.
  const { error } = failedMessages.find(({ error }) => !error.retriable) ?? failedMessages[0]!
  return Object.assign(toKafkaJSError(error), { failedMessages })
}
