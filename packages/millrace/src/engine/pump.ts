// One pump per broker: the one place that decides to connect, to write or to wait. It lists the
// partitions that may have something for its broker, and fills requests from them, at most one
// batch per partition and request.
//
// Natural batching: open batches are released while fewer than two requests are in flight, sealed
// ones (full, or to be sent again) up to the limit. So a lone record leaves in its own event-loop
// turn, and under load batches grow while the requests before them are on their way. With many
// partitions they are released for one request at a time.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Batch } from './batch.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { BrokerLink, ClusterPort, ProduceCall } from './ports.ts'
import type { Preparation } from './preparation.ts'
import { batchFieldBytesMax, encodeProduceRequest, topicIdFrom } from './produce-request.ts'
import type { EngineSettings } from './settings.ts'

/** Open batches wait once this many requests are in flight. */
const releaseBelow = 2
/** Of more partitions than this, one request has so much to do that batches gather behind it. */
const manyPartitions = 64

/** What the pump asks of the engine. */
export interface PumpOwner {
  readonly settings: EngineSettings
  readonly cluster: ClusterPort
  /** The highest version of Produce that may be used now, whatever the broker knows. */
  readonly produceVersionMax: number
  /** Seals the open batch and, where there is a codec, has it compressed. */
  seal(queue: PartitionQueue): void
  /** False while the open batch must wait for its linger or its flush trigger. */
  mayRelease(queue: PartitionQueue, now: number): boolean
  readonly preparation: Preparation
  onRequestSent(request: ProduceInFlight): void
  onRequestAnswered(request: ProduceInFlight, response: ProduceResponse | null): void
  onRequestFailed(request: ProduceInFlight, error: KafkaError, written: boolean): void
}

/** A request on its way; it tells the engine how it ended. */
export class ProduceInFlight implements ProduceCall {
  readonly pump: Pump
  readonly link: BrokerLink
  readonly batches: readonly Batch[]
  readonly version: number
  readonly chunks: readonly Uint8Array[]
  readonly expectsResponse: boolean
  readonly sentAt: number
  /** Given by Measurements; 0 = not sent yet. */
  number = 0

  constructor(pump: Pump, link: BrokerLink, batches: readonly Batch[], sentAt: number) {
    const { acks, requestTimeoutMs, transactionalId } = pump.owner.settings
    this.pump = pump
    this.link = link
    this.batches = batches
    this.version = Math.min(link.produceVersion, pump.owner.produceVersionMax)
    for (const batch of batches) {
      if (!batch.queue.topic.hasId) this.version = Math.min(this.version, topicIdFrom - 1)
    }
    this.chunks = encodeProduceRequest(
      this.version,
      acks,
      requestTimeoutMs,
      batches,
      transactionalId,
    )
    this.expectsResponse = acks !== 0
    this.sentAt = sentAt
  }

  onResponse(response: ProduceResponse | null): void {
    this.pump.onEnded(this)
    this.pump.owner.onRequestAnswered(this, response)
  }

  onFailure(error: KafkaError, written: boolean): void {
    this.pump.onEnded(this)
    this.pump.owner.onRequestFailed(this, error, written)
  }
}

export class Pump {
  readonly nodeId: number
  readonly owner: PumpOwner
  readonly #inFlight = new Set<ProduceInFlight>()
  /** Partitions with an open batch, and with sealed ones; each partition at most once in each. */
  #open: PartitionQueue[] = []
  #waiting: PartitionQueue[] = []

  constructor(nodeId: number, owner: PumpOwner) {
    this.nodeId = nodeId
    this.owner = owner
  }

  get requestsInFlight(): number {
    return this.#inFlight.size
  }

  get hasWork(): boolean {
    return this.#open.length > 0 || this.#waiting.length > 0
  }

  /** Lists the partition where it has something to send. Harmless at any time. */
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
  withdraw(queue: PartitionQueue): void {
    if (queue.listedOpen) this.#open = this.#open.filter((other) => other !== queue)
    if (queue.listedWaiting) this.#waiting = this.#waiting.filter((other) => other !== queue)
    queue.listedOpen = false
    queue.listedWaiting = false
  }

  onEnded(request: ProduceInFlight): void {
    this.#inFlight.delete(request)
  }

  /** Writes what may be written now. */
  drain(now: number): void {
    if (!this.hasWork) return
    const link = this.owner.cluster.link(this.nodeId)
    if (link === undefined) {
      for (const { topic } of [...this.#open, ...this.#waiting]) {
        this.owner.cluster.refreshTopic(topic.name, 'stale')
      }
      return
    }
    if (!link.ready) {
      link.open()
      return
    }
    while (this.#inFlight.size < this.owner.settings.maxInFlightRequests) {
      if (this.#inFlight.size < this.#releaseBelow) this.#release(now)
      const batches = this.#collect(now)
      if (batches.length === 0) return
      const request = new ProduceInFlight(this, link, batches, now)
      this.#inFlight.add(request)
      this.owner.onRequestSent(request)
      link.produce(request)
    }
  }

  /** With many partitions a second request would halve the batches, and each batch has its cost. */
  get #releaseBelow(): number {
    return this.#open.length > manyPartitions ? 1 : releaseBelow
  }

  /** Seals the open batches that could go out at once. */
  #release(now: number): void {
    if (this.#open.length === 0) return
    const kept: PartitionQueue[] = []
    for (const queue of this.#open) {
      if (queue.open === null) queue.listedOpen = false
      else if (!queue.couldSend(now) || !this.owner.mayRelease(queue, now)) kept.push(queue)
      else {
        queue.listedOpen = false
        this.owner.seal(queue)
        this.offer(queue)
      }
    }
    this.#open = kept
  }

  /** The partition's next batch; one that records were dropped from is made anew first. */
  #nextOf(queue: PartitionQueue, now: number): Batch | null {
    for (;;) {
      const head = queue.next(now)
      if (head === null || head.dropped === null) return head
      this.owner.preparation.prepareAgain(head)
    }
  }

  /**
   * Takes the batches of the next request. A partition that has none that may go is taken off the
   * list.
   */
  #collect(now: number): Batch[] {
    const batches: Batch[] = []
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
      if (batches.length > 0 && bytes + size > this.owner.settings.maxRequestBytes) {
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
