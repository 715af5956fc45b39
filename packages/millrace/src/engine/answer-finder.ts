// Finds each batch's part of an answer. A broker that is asked for few partitions answers in their
// order; with many it answers in an order of its own, and an index over the whole answer is made,
// once: looking each one up by itself would take the square of their number. Caller: Delivery.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { Batch } from './batch.ts'
import { topicIdFrom } from './produce-request.ts'
import type { TopicState } from './topic-state.ts'

type TopicAnswer = ProduceResponse['responses'][number]
export type PartitionAnswer = TopicAnswer['partitionResponses'][number]
type PartitionIndex = ReadonlyMap<number, PartitionAnswer>

const textOf = (id: Uint8Array): string => Buffer.from(id).toString('latin1')

export class AnswerFinder {
  readonly #topics: readonly TopicAnswer[]
  readonly #byId: boolean
  /** Where the next batch's answer is, while answers come in the order of the request. */
  #topicPosition = 0
  #partitionPosition = 0
  #index: ReadonlyMap<string, PartitionIndex> | null = null
  #lastTopic: TopicState | null = null
  #lastPartitions: PartitionIndex | undefined

  constructor(response: ProduceResponse, version: number) {
    this.#topics = response.responses
    this.#byId = version >= topicIdFrom
  }

  /** Null = the broker did not say. */
  find({ queue: { topic, partition } }: Batch): PartitionAnswer | null {
    if (this.#index === null) {
      const next = this.#next(topic, partition)
      if (next !== null) return next
      this.#index = this.#makeIndex()
    }
    if (topic !== this.#lastTopic) {
      this.#lastTopic = topic
      this.#lastPartitions = this.#index.get(this.#byId ? textOf(topic.topicId) : topic.name)
    }
    return this.#lastPartitions?.get(partition) ?? null
  }

  #next(topic: TopicState, partition: number): PartitionAnswer | null {
    const answer = this.#topics[this.#topicPosition]
    const found = answer?.partitionResponses[this.#partitionPosition]
    if (found?.index !== partition || !this.#isAbout(answer!, topic)) return null
    this.#partitionPosition++
    if (this.#partitionPosition === answer!.partitionResponses.length) {
      this.#topicPosition++
      this.#partitionPosition = 0
    }
    return found
  }

  #isAbout(answer: TopicAnswer, topic: TopicState): boolean {
    return this.#byId
      ? Buffer.compare(answer.topicId, topic.topicId) === 0
      : answer.name === topic.name
  }

  #makeIndex(): Map<string, PartitionIndex> {
    const index = new Map<string, Map<number, PartitionAnswer>>()
    for (const { topicId, name, partitionResponses } of this.#topics) {
      const key = this.#byId ? textOf(topicId) : name
      let partitions = index.get(key)
      if (partitions === undefined) {
        partitions = new Map()
        index.set(key, partitions)
      }
      for (const answer of partitionResponses) partitions.set(answer.index, answer)
    }
    return index
  }
}
