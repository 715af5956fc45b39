// How much of the memory for batches brokers and topics may hold that take nothing. What they hold
// does not count in the window, so that the others have all of it; and each of them holds at most
// its share: records for it then wait in lines of their own (partition-lines.ts). Where nothing
// else could be sent, there is nothing to protect, and all records wait in one queue. Records that
// may go to any partition avoid a broker that holds its share.
// Owner: Accumulator, which reviews at the steps and when the window is full.
//
// Nothing is counted per record or batch: a review adds up the batches that are not settled.

import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { PartitionQueue, QueuedBatch } from '../dispatch/partition-queue.ts'
import type { Topic } from '../dispatch/topic.ts'
import type { ClusterPort } from '../ports.ts'
import type { TopicDirectory } from './topic-directory.ts'

/**
 * A broker without a response for this long takes nothing, nor does a partition whose batch has
 * failed, or that has no leader, for so long.
 */
const stalledMs = 500
/** Time between two reviews. */
export const reviewMs = 50
/** Below this part of the window no broker holds enough to be looked for. */
const quietShare = 1 / 4
/** A holder takes records again below this part of its share. */
const againShare = 3 / 4

/** A broker (by node id) or the partitions of one topic that take nothing. */
interface Holder {
  readonly queues: Set<PartitionQueue>
  bytes: number
  isOver: boolean
}

type HolderKey = number | Topic

/** The parts of the engine that the shares depend on. */
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

  /** No record of the partition may go into a batch: its broker or topic holds its share. */
  isOver(queue: PartitionQueue): boolean {
    return this.#holders.size > 0 && this.#holderOf(queue)?.isOver === true
  }

  /** A record that waited in a line went into a batch. */
  onTaken(queue: PartitionQueue, bytes: number): void {
    const holder = this.#holderOf(queue)
    if (holder === undefined) return
    holder.bytes += bytes
    if (holder.bytes >= this.#shareBytes) holder.isOver = true
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

  /** Adds up what is held now. `isWanted` = records wait for the result. */
  review(now: number, isWanted: boolean): void {
    const { budget, dispatcher } = this.#parts
    if (!isWanted && this.#holders.size === 0) {
      if (budget.usedBytes < budget.windowBytes * quietShare) return
    }
    this.#reviewedAt = now
    const before = this.#holders
    const holders = this.#holdersAt(now)
    this.#holders = holders
    this.#shareBytes = Math.floor(budget.windowBytes / (holders.size + 1))
    let stalledBytes = 0
    for (const [key, holder] of holders) {
      stalledBytes += holder.bytes
      const wasOver = before.get(key)?.isOver === true
      holder.isOver = holder.bytes >= this.#shareBytes * (wasOver ? againShare : 1)
      // The check is made when a batch is opened: no record may find one that is open.
      if (!holder.isOver) continue
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
        holder = { queues: new Set(), bytes: 0, isOver: false }
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

  /** Some partition is not held, and its broker is not known to be out of reach. */
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
