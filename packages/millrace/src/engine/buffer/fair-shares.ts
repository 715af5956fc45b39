// Owns the limit of the batch memory that unavailable brokers and topics may hold. Their batches do
// not count in the window, so other partitions can use all of it. Each has a share; above it,
// records wait per partition (partition-wait-queues.ts). If no other partition could send, there is
// no limit, and all records wait in one queue. Records without a fixed partition avoid a broker
// that holds its share. Caller: Accumulator, at each step and when the window is full.
//
// Invariant: nothing is counted per record or batch; a review sums up the unsettled batches.

import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { PartitionQueue, QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Topic } from '../dispatch/topic.ts'
import type { ClusterPort } from '../ports.ts'
import type { TopicDirectory } from './topic-directory.ts'

/**
 * A broker is unavailable after this time without a response. A partition is unavailable if its
 * batch has failed, or it has had no leader, for this time.
 */
const stalledMs = 500
/** Time between two reviews. */
export const reviewMs = 50
/** Below this part of the window no broker holds enough for a review. */
const reviewShareMin = 1 / 4
/** A holder accepts records again below this part of its share. */
const readmitShare = 3 / 4

/** An unavailable broker (by node id), or the unavailable partitions of one topic. */
interface Holder {
  readonly queues: Set<PartitionQueue>
  bytes: number
  isAboveShare: boolean
}

type HolderKey = number | Topic

/** The parts of the engine that the shares need. */
export interface FairShareParts {
  readonly cluster: ClusterPort
  readonly budget: MemoryBudget
  readonly topics: TopicDirectory
  readonly incomplete: IncompleteBatches
  readonly dispatcher: Dispatcher
}

export class FairShares {
  readonly #parts: FairShareParts
  #holders = new Map<HolderKey, Holder>()
  #shareBytes = 0
  #reviewedAt = Number.NEGATIVE_INFINITY

  constructor(parts: FairShareParts) {
    this.#parts = parts
  }

  /** No record of the partition may enter a batch: its broker or topic holds its share. */
  isAboveShare(queue: PartitionQueue): boolean {
    return this.#holders.size > 0 && this.#holderOf(queue)?.isAboveShare === true
  }

  /** A record that waited for its partition entered a batch. */
  onTaken(queue: PartitionQueue, bytes: number): void {
    const holder = this.#holderOf(queue)
    if (holder === undefined) return
    holder.bytes += bytes
    if (holder.bytes >= this.#shareBytes) holder.isAboveShare = true
  }

  #holderOf(queue: PartitionQueue): Holder | undefined {
    const broker = this.#holders.get(queue.leaderId)
    if (broker !== undefined) return broker
    const topic = this.#holders.get(queue.topic)
    return topic?.queues.has(queue) === true ? topic : undefined
  }

  /** Whether the next review is due. */
  isDue(now: number): boolean {
    return now >= this.#reviewedAt + reviewMs
  }

  /** Sums up what is held now. `hasWaiters` = records wait for the result. */
  review(now: number, hasWaiters: boolean): void {
    const { budget, dispatcher } = this.#parts
    if (!hasWaiters && this.#holders.size === 0) {
      if (budget.usedBytes < budget.windowBytes * reviewShareMin) return
    }
    this.#reviewedAt = now
    const before = this.#holders
    const holders = this.#holdersAt(now)
    this.#holders = holders
    this.#shareBytes = Math.floor(budget.windowBytes / (holders.size + 1))
    let stalledBytes = 0
    for (const [key, holder] of holders) {
      stalledBytes += holder.bytes
      const wasAboveShare = before.get(key)?.isAboveShare === true
      holder.isAboveShare = holder.bytes >= this.#shareBytes * (wasAboveShare ? readmitShare : 1)
      // The check happens when a batch is opened, so no open batch may remain.
      if (!holder.isAboveShare) continue
      if (typeof key === 'number') dispatcher.onShareFull(key)
      for (const queue of holder.queues) if (queue.open !== null) dispatcher.seal(queue)
    }
    budget.setStalled(stalledBytes)
  }

  #holdersAt(now: number): Map<HolderKey, Holder> {
    const holders = new Map<HolderKey, Holder>()
    const held = new Set<PartitionQueue>()
    const batches = this.#parts.incomplete.list()
    const failing = failingQueues(batches, now)
    for (const batch of batches) {
      const { leaderId, topic } = batch.queue
      const isSilent = this.#isSilent(leaderId, now)
      if (!isSilent && !failing.has(batch.queue)) continue
      const key = isSilent ? leaderId : topic
      let holder = holders.get(key)
      if (holder === undefined) {
        holder = { queues: new Set(), bytes: 0, isAboveShare: false }
        holders.set(key, holder)
      }
      holder.bytes += batch.cost
      holder.queues.add(batch.queue)
      held.add(batch.queue)
    }
    if (holders.size > 0 && !this.#hasOthers(holders, held)) holders.clear()
    return holders
  }

  #isSilent(nodeId: number, now: number): boolean {
    return nodeId >= 0 && now >= this.#parts.dispatcher.silentSince(nodeId) + stalledMs
  }

  /** A partition exists that is not limited, and whose broker is not known to be unreachable. */
  #hasOthers(holders: ReadonlyMap<HolderKey, Holder>, held: ReadonlySet<PartitionQueue>): boolean {
    for (const { queues } of this.#parts.topics.all()) {
      for (const queue of queues) {
        const { leaderId } = queue
        if (leaderId < 0 || holders.has(leaderId) || held.has(queue)) continue
        const link = this.#parts.cluster.link(leaderId)
        if (link !== undefined && (link.ready || link.lastError === null)) return true
      }
    }
    return false
  }
}

/** Partitions with a batch that has failed, or has had no leader, for too long. */
const failingQueues = (batches: readonly QueuedBatch[], now: number): Set<PartitionQueue> => {
  const failing = new Set<PartitionQueue>()
  for (const { queue, lastError, createdAt } of batches) {
    if (now < createdAt + stalledMs) continue
    if (queue.leaderId < 0 || lastError !== null) failing.add(queue)
  }
  return failing
}
