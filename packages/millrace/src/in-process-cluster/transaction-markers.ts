// Writes the markers of a transaction that is being committed or aborted: one to each of its
// partitions, as soon as the partition has a leader. It also notifies each of its groups.
// Partitions of deleted topics are skipped. The callback is called once, when all markers are
// written. Caller: transaction-coordinator.ts.

import type { Timer } from '../runtime/clock.ts'
import type { ClusterState } from './cluster-state.ts'
import type { GroupCoordinator } from './groups.ts'
import { noLeader, type Partition } from './topic.ts'
import type { TopicPartition, Transaction } from './transaction-entry.ts'

/** In Kafka it counts changes of the coordinator; nothing in this cluster depends on it. */
const coordinatorEpoch = 0

export class TransactionMarkers {
  readonly #state: ClusterState
  readonly #groups: GroupCoordinator
  readonly #delayMs: number
  readonly #timers = new Set<Timer>()
  readonly #stops = new Set<() => void>()

  constructor(state: ClusterState, groups: GroupCoordinator, delayMs: number) {
    this.#state = state
    this.#groups = groups
    this.#delayMs = delayMs
  }

  /**
   * `onWritten` is called within this call if there is no delay and every partition has a leader.
   */
  write(transaction: Transaction, onWritten: () => void): void {
    if (this.#delayMs === 0) {
      this.#writeAll(transaction, onWritten)
      return
    }
    const timer = this.#state.clock.setTimer(this.#delayMs, () => {
      this.#timers.delete(timer)
      this.#writeAll(transaction, onWritten)
    })
    this.#timers.add(timer)
  }

  /** Markers that are not written yet are discarded. */
  close(): void {
    for (const timer of this.#timers) timer.cancel()
    for (const stop of this.#stops) stop()
    this.#timers.clear()
    this.#stops.clear()
  }

  #writeAll(transaction: Transaction, onWritten: () => void): void {
    const { producerId, epoch } = transaction
    const isCommit = transaction.state === 'PrepareCommit'
    const marker = { producerId, epoch, isCommit, coordinatorEpoch }
    for (const groupId of transaction.groups) {
      this.#groups.endTransaction(groupId, producerId, epoch, isCommit)
    }
    const partitions = transaction.partitions
    let left = partitions.length
    const written = (): void => {
      left--
      if (left === 0) onWritten()
    }
    if (left === 0) onWritten()
    for (const each of partitions) {
      this.#onceLeaderElected(each, (partition) => {
        partition?.writeMarker(marker, this.#state.clock.wallTime())
        written()
      })
    }
  }

  /**
   * Calls at once if the partition has a leader, otherwise when it gets one; undefined = the
   * partition was deleted.
   */
  #onceLeaderElected(
    { topic, partition }: TopicPartition,
    callback: (partition: Partition | undefined) => void,
  ): void {
    const found = this.#state.topic(topic)?.partitions[partition]
    if (found === undefined || found.leaderId !== noLeader) {
      callback(found)
      return
    }
    const stop = found.log.listen(() => {
      stop()
      this.#stops.delete(stop)
      this.#onceLeaderElected({ topic, partition }, callback)
    })
    this.#stops.add(stop)
  }
}
