// Owns the topics that records were sent to, by name. Callers: Accumulator (records),
// TopicMetadataHandler (metadata), EngineReadings. Invariant: a topic stays until
// TopicMetadataHandler deletes it.

import type { PartitionerFactory } from '../partitioner/partitioner-contract.ts'
import type { EngineSettings } from '../settings.ts'
import { TopicState } from './topic-state.ts'

export class TopicDirectory {
  readonly #makePartitioner: PartitionerFactory
  readonly #settings: EngineSettings
  readonly #topics = new Map<string, TopicState>()
  /** The topic of the last record, which is usually that of the next one. */
  #last: TopicState | null = null

  constructor(makePartitioner: PartitionerFactory, settings: EngineSettings) {
    this.#makePartitioner = makePartitioner
    this.#settings = settings
  }

  /** In the order of their first use. */
  all(): IterableIterator<TopicState> {
    return this.#topics.values()
  }

  get size(): number {
    return this.#topics.size
  }

  /** The topic is new when it is used again. */
  delete(name: string): void {
    this.#topics.delete(name)
    if (this.#last?.name === name) this.#last = null
  }

  find(name: string): TopicState | undefined {
    return this.#topics.get(name)
  }

  /** The topic, which is created if it is new. */
  get(name: string): TopicState {
    const last = this.#last
    if (last !== null && last.name === name) return last
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const settings = this.#settings.topics.get(name) ?? this.#settings
      topic = new TopicState(name, this.#makePartitioner(name), settings)
      this.#topics.set(name, topic)
    }
    this.#last = topic
    return topic
  }
}
