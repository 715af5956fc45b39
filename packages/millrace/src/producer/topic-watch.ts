// Owns the calls of partitionsFor() that wait for metadata of a topic. Caller: Producer. Invariant:
// each call settles once.

import type { Deadline, Deadlines } from '../engine/deadlines.ts'
import type { ClusterPort, PartitionView, TopicView } from '../engine/ports.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

interface Watcher {
  readonly topic: string
  readonly since: number
  readonly resolve: (partitions: readonly PartitionView[]) => void
  readonly reject: (error: KafkaError) => void
  readonly deadline: Deadline
}

/** Time limits of a call. */
export interface TopicWatchLimits {
  /** For a topic that the brokers do not know. */
  readonly unknownTopicTimeoutMs: number
  /** For any topic. */
  readonly maxBlockMs: number
}

export class TopicWatch {
  readonly #cluster: ClusterPort
  readonly #limits: TopicWatchLimits
  readonly #deadlines: Deadlines
  readonly #watchers = new Set<Watcher>()

  constructor(cluster: ClusterPort, limits: TopicWatchLimits, deadlines: Deadlines) {
    this.#cluster = cluster
    this.#limits = limits
    this.#deadlines = deadlines
  }

  /**
   * Requests the topic; returns a function that stops waiting. The caller must check its deadlines
   * again.
   */
  watch(
    topic: string,
    now: number,
    resolve: Watcher['resolve'],
    reject: Watcher['reject'],
  ): () => void {
    const deadline = this.#deadlines.add(now + this.#limits.maxBlockMs, () => {
      this.#forget(watcher)
      reject(this.#tooLate(topic))
    })
    const watcher: Watcher = { topic, since: now, resolve, reject, deadline }
    this.#watchers.add(watcher)
    this.#cluster.refreshTopic(topic, 'unknown')
    return () => this.#forget(watcher)
  }

  #forget(watcher: Watcher): void {
    this.#watchers.delete(watcher)
    this.#deadlines.remove(watcher.deadline)
  }

  #tooLate(topic: string): KafkaError {
    const cause = this.#cluster.metadataError ?? undefined
    const why = cause === undefined ? '' : `: ${cause.message}`
    const message = `topic ${topic}: no metadata within ${this.#limits.maxBlockMs} ms${why}`
    return new KafkaError('METADATA_TIMEOUT', message, { topic, cause })
  }

  onTopic(view: TopicView): void {
    for (const watcher of this.#of(view.name)) {
      this.#forget(watcher)
      watcher.resolve(view.partitions)
    }
  }

  onTopicFailed(topic: string, error: KafkaError, final: boolean, now: number): void {
    for (const watcher of this.#of(topic)) {
      if (!final && now < watcher.since + this.#limits.unknownTopicTimeoutMs) {
        this.#cluster.refreshTopic(topic, 'unknown')
        continue
      }
      this.#forget(watcher)
      watcher.reject(error)
    }
  }

  close(): void {
    for (const watcher of [...this.#watchers]) {
      this.#forget(watcher)
      watcher.reject(new KafkaError('CLOSED', 'partitionsFor: the producer is closed'))
    }
  }

  #of(topic: string): Watcher[] {
    return [...this.#watchers].filter((watcher) => watcher.topic === topic)
  }
}
