// Owns the decision when a request to one broker is written, and when to connect. It lists the
// partitions that may have batches for the broker, and fills requests from them, with at most one
// batch per partition and request. Caller: Dispatcher.
//
// Natural batching: open batches are sealed while fewer than two requests are in flight (with many
// partitions, fewer than one); sealed batches (full, or retried) are sent up to the configured
// limit. A single record is therefore sent in its own event-loop turn, and under load batches grow
// while earlier requests are in flight. Invariant: only a pump decides when a Produce request is
// written.

import type { BrokerLink, ClusterPort } from '../ports.ts'
import type { BatchPreparation } from './batch-preparation.ts'
import { BrokerSilence, type WatchedBroker } from './broker-silence.ts'
import type { PartitionQueue, QueuedBatch } from './partition-queue.ts'
import { ProduceInFlight, type RequestContext } from './produce-in-flight.ts'
import { batchFieldBytesMax } from './produce-request.ts'

/** Open batches wait while this many requests are in flight. */
const releaseBelow = 2
/** With more partitions, one request takes long enough that batches can grow behind it. */
const manyPartitions = 64

/**
 * Whether an open batch may be sealed: `'later'` = when its linger or its flush trigger has ended,
 * which Dispatcher reports; `'nextStep'` = records for it are still arriving in this turn.
 */
export type ReleaseTime = 'now' | 'nextStep' | 'later'

/** The common context of all pumps of an engine. */
export interface PumpContext extends RequestContext {
  readonly cluster: ClusterPort
  readonly preparation: BatchPreparation
  readonly releaseTimeOf: (queue: PartitionQueue, now: number) => ReleaseTime
  /** The buffer is full: no open batch lingers. */
  readonly isFull: () => boolean
  /** Seals the open batch and prepares it. */
  readonly seal: (queue: PartitionQueue) => void
  /** Counts the requests of the producer. */
  readonly nextRequestNumber: () => number
  readonly now: () => number
  /** The availability of the broker changed. */
  readonly onAvailability: () => void
}

export class BrokerPump implements WatchedBroker {
  readonly nodeId: number
  readonly silence: BrokerSilence
  readonly #context: PumpContext
  readonly #inFlight = new Set<ProduceInFlight>()
  /**
   * Partitions with an open batch, and with sealed ones; each partition at most once in each list.
   */
  #open: PartitionQueue[] = []
  #waiting: PartitionQueue[] = []
  /**
   * Partitions whose open batch waits for its linger or its flush trigger. They stay out of the
   * list of open ones, so that a step costs nothing for them.
   */
  readonly #lingering = new Set<PartitionQueue>()
  readonly #onEnded = (request: ProduceInFlight, hasResponse: boolean): void => {
    this.#inFlight.delete(request)
    if (hasResponse) this.silence.onResponse(this.#context.now())
  }

  constructor(nodeId: number, context: PumpContext) {
    this.nodeId = nodeId
    this.#context = context
    const { settings, onAvailability } = context
    const timeoutMs = settings.partitionerAvailabilityTimeoutMs
    this.silence = new BrokerSilence(this, timeoutMs, onAvailability)
  }

  get isWaitedFor(): boolean {
    if (this.#inFlight.size > 0) return true
    return !this.isConnected && this.#openCount + this.#waiting.length > 0
  }

  get isConnected(): boolean {
    return this.#context.cluster.link(this.nodeId)?.ready === true
  }

  connect(): void {
    this.#context.cluster.link(this.nodeId)?.open()
  }

  get requestsInFlight(): number {
    return this.#inFlight.size
  }

  get #openCount(): number {
    return this.#open.length + this.#lingering.size
  }

  /** Lists the partition if it has something to send. May be called at any time. */
  offer(queue: PartitionQueue): void {
    if (queue.open !== null && !queue.listedOpen) {
      queue.listedOpen = true
      this.#open.push(queue)
    }
    if (queue.waiting.length > 0 && !queue.listedWaiting) {
      queue.listedWaiting = true
      this.#waiting.push(queue)
    }
  }

  /** The partition has another leader now. */
  remove(queue: PartitionQueue): void {
    if (queue.listedOpen && !this.#lingering.delete(queue)) {
      this.#open = this.#open.filter((other) => other !== queue)
    }
    if (queue.listedWaiting) this.#waiting = this.#waiting.filter((other) => other !== queue)
    queue.listedOpen = false
    queue.listedWaiting = false
  }

  /** The linger of the open batch has ended, or a flush() waits for it. */
  endLinger(queue: PartitionQueue): void {
    if (this.#lingering.delete(queue)) this.#open.push(queue)
  }

  /** No open batch lingers any more. */
  endLingers(): void {
    for (const queue of this.#lingering) this.#open.push(queue)
    this.#lingering.clear()
  }

  /** Writes what may be written now. */
  drain(now: number): void {
    this.silence.check(now)
    if (this.#lingering.size > 0 && this.#context.isFull()) this.endLingers()
    if (this.#open.length === 0 && this.#waiting.length === 0) return
    const { cluster, settings } = this.#context
    const link = cluster.link(this.nodeId)
    if (link?.ready !== true) this.silence.onWaiting(now)
    if (link === undefined) {
      for (const { topic } of [...this.#open, ...this.#waiting]) {
        cluster.refreshTopic(topic.name, 'stale')
      }
      return
    }
    if (!link.ready) {
      link.open()
      return
    }
    while (this.#inFlight.size < settings.maxInFlightRequests) {
      if (this.#inFlight.size < this.#releaseBelow) this.#release(now)
      const batches = this.#collect(now)
      if (batches.length === 0) return
      this.#send(link, batches, now)
    }
  }

  #send(link: BrokerLink, batches: readonly QueuedBatch[], now: number): void {
    const { events, nextRequestNumber, spool } = this.#context
    const number = nextRequestNumber()
    const request = new ProduceInFlight(number, link, batches, now, this.#context, this.#onEnded)
    this.#inFlight.add(request)
    this.silence.onWaiting(now)
    events.onRequestSent(request)
    for (const batch of batches) batch.markSent(now)
    if (spool === null) link.produce(request)
    else spool.send(request)
  }

  /**
   * With many partitions a second request would halve the batches, and each batch has a fixed cost.
   */
  get #releaseBelow(): number {
    return this.#openCount > manyPartitions ? 1 : releaseBelow
  }

  /** Seals the open batches that can be sent at once. */
  #release(now: number): void {
    if (this.#open.length === 0) return
    const { releaseTimeOf, seal } = this.#context
    const kept: PartitionQueue[] = []
    for (const queue of this.#open) {
      if (queue.open === null) {
        queue.listedOpen = false
        continue
      }
      const time = releaseTimeOf(queue, now)
      if (time === 'later') this.#lingering.add(queue)
      else if (time === 'nextStep' || !queue.couldSend(now)) kept.push(queue)
      else {
        queue.listedOpen = false
        seal(queue)
        this.offer(queue)
      }
    }
    this.#open = kept
  }

  /** The next batch of the partition; if records were dropped from it, it is rebuilt first. */
  #nextOf(queue: PartitionQueue, now: number): QueuedBatch | null {
    for (;;) {
      const head = queue.next(now)
      if (head === null || !head.hasDropped) return head
      this.#context.preparation.prepareAgain(head)
    }
  }

  /**
   * Takes the batches of the next request. A partition without a batch that may be sent is removed
   * from the list.
   */
  #collect(now: number): QueuedBatch[] {
    const batches: QueuedBatch[] = []
    const skipped: PartitionQueue[] = []
    const again: PartitionQueue[] = []
    let bytes = 0
    for (const queue of this.#waiting) {
      const head = this.#nextOf(queue, now)
      if (head === null) {
        queue.listedWaiting = false
        continue
      }
      const size = head.wireBytes + batchFieldBytesMax
      if (batches.length > 0 && bytes + size > this.#context.settings.maxRequestBytes) {
        skipped.push(queue)
        continue
      }
      bytes += size
      queue.take(head)
      batches.push(head)
      if (queue.waiting.length > 0) again.push(queue)
      else queue.listedWaiting = false
    }
    this.#waiting = again.length === 0 ? skipped : skipped.concat(again)
    return batches
  }
}
