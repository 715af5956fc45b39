// Callers of partitionsFor who wait for news of a topic.

import type { ClusterPort, PartitionView, TopicView } from '../engine/ports.ts'
import { KafkaError } from '../protocol/kafka-error.ts'

interface Watcher {
  readonly topic: string
  readonly since: number
  readonly resolve: (partitions: readonly PartitionView[]) => void
  readonly reject: (error: KafkaError) => void
}

export class TopicWatch {
  readonly #cluster: ClusterPort
  readonly #missingMs: number
  readonly #watchers = new Set<Watcher>()

  constructor(cluster: ClusterPort, missingMs: number) {
    this.#cluster = cluster
    this.#missingMs = missingMs
  }

  /** Asks for the topic; returns how to stop watching. */
  watch(
    topic: string,
    now: number,
    resolve: Watcher['resolve'],
    reject: Watcher['reject'],
  ): () => void {
    const watcher: Watcher = { topic, since: now, resolve, reject }
    this.#watchers.add(watcher)
    this.#cluster.refreshTopic(topic, 'unknown')
    return () => this.#watchers.delete(watcher)
  }

  onTopic(view: TopicView): void {
    for (const watcher of this.#of(view.name)) watcher.resolve(view.partitions)
  }

  onTopicFailed(topic: string, error: KafkaError, final: boolean, now: number): void {
    for (const watcher of [...this.#watchers]) {
      if (watcher.topic !== topic) continue
      if (!final && now < watcher.since + this.#missingMs) continue
      this.#watchers.delete(watcher)
      watcher.reject(error)
    }
  }

  close(): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    for (const watcher of watchers) {
      watcher.reject(new KafkaError('CLOSED', 'partitionsFor: the producer is closed'))
    }
  }

  #of(topic: string): Watcher[] {
    const found = [...this.#watchers].filter((watcher) => watcher.topic === topic)
    for (const watcher of found) this.#watchers.delete(watcher)
    return found
  }
}
