// Owns the search for each batch's part of a Produce response. With few partitions the parts are in
// the order of the request. With many they are not, and an index of the whole response is built
// once, because a separate search for each batch takes quadratic time. Caller: Delivery. Invariant:
// a partition that the response does not contain, or more than once, is null: it has no result.

import { type ProduceResponse, topicIdFrom } from '../../protocol/api/00-produce.ts'
import type { QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Topic } from '../dispatch/topic.ts'

type TopicResponse = ProduceResponse['responses'][number]
export type PartitionResponse = TopicResponse['partitionResponses'][number]
type PartitionIndex = ReadonlyMap<number, PartitionResponse | null>

const textOf = (id: Uint8Array): string => Buffer.from(id).toString('latin1')

export class ResponseIndex {
  readonly #topics: readonly TopicResponse[]
  readonly #byId: boolean
  /** The index of the next part, while the parts are in the order of the request. */
  #topicPosition = 0
  #partitionPosition = 0
  #index: ReadonlyMap<string, PartitionIndex> | null = null
  #lastTopic: Topic | null = null
  #lastPartitions: PartitionIndex | undefined

  constructor(response: ProduceResponse, version: number, batchCount: number) {
    this.#topics = response.responses
    this.#byId = version >= topicIdFrom
    let partCount = 0
    for (const { partitionResponses } of this.#topics) partCount += partitionResponses.length
    // More parts than batches may be two results of one partition, of which neither is certain.
    if (partCount > batchCount) this.#index = this.#makeIndex()
  }

  /** Null = the response does not contain the partition, or more than once. */
  find({ queue: { topic, partition } }: QueuedBatch): PartitionResponse | null {
    if (this.#index === null) {
      const next = this.#next(topic, partition)
      if (next !== null) return next
      this.#index = this.#makeIndex()
    }
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic
      this.#lastPartitions = this.#index.get(this.#byId ? textOf(topic.id) : topic.name)
    }
    return this.#lastPartitions?.get(partition) ?? null
  }

  #next(topic: Topic, partition: number): PartitionResponse | null {
    const topicPart = this.#topics[this.#topicPosition]
    const found = topicPart?.partitionResponses[this.#partitionPosition]
    if (found?.index !== partition || !this.#isAbout(topicPart!, topic)) return null
    this.#partitionPosition++
    if (this.#partitionPosition === topicPart!.partitionResponses.length) {
      this.#topicPosition++
      this.#partitionPosition = 0
    }
    return found
  }

  #isAbout(topicPart: TopicResponse, topic: Topic): boolean {
    return this.#byId ? topic.hasSameId(topicPart.topicId) : topicPart.name === topic.name
  }

  #makeIndex(): Map<string, PartitionIndex> {
    const index = new Map<string, Map<number, PartitionResponse | null>>()
    for (const { topicId, name, partitionResponses } of this.#topics) {
      const key = this.#byId ? textOf(topicId) : name
      let partitions = index.get(key)
      if (partitions === undefined) {
        partitions = new Map()
        index.set(key, partitions)
      }
      for (const part of partitionResponses) {
        partitions.set(part.index, partitions.has(part.index) ? null : part)
      }
    }
    return index
  }
}
