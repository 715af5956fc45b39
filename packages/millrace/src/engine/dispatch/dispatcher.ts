// Owns the pumps, one per broker, and the sealing of open batches. Callers: the accumulator and
// delivery offer partitions; Engine drains the pumps at each step. Invariant: a partition is
// offered to the pump of its current leader only.

import type { Deadlines } from '../deadlines.ts'
import type { ClusterPort } from '../ports.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import type { BatchPreparation } from './batch-preparation.ts'
import { BrokerPump, type PumpContext, type ReleaseTime } from './broker-pump.ts'
import type { PartitionQueue, QueuedBatch, TransactionAdmission } from './partition-queue.ts'
import type { RequestEvents, RequestWriter } from './produce-in-flight.ts'

export interface DispatchEvents extends RequestEvents {
  /** The batch accepts no more records. */
  onSealed(batch: QueuedBatch): void
  /** The availability of a broker for records without a fixed partition changed. */
  onAvailability(): void
  /** There is work for the next step. */
  wake(): void
}

/** The parts of the engine that dispatching needs. */
export interface DispatchParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly deadlines: Deadlines
  readonly preparation: BatchPreparation
  /** Null without a transactional id. */
  readonly transactions: TransactionAdmission | null
  /** Null without the option spool. */
  readonly spool: RequestWriter | null
  readonly releaseTimeOf: (queue: PartitionQueue, now: number) => ReleaseTime
  /** The buffer is full: no open batch lingers. */
  readonly isFull: () => boolean
  readonly events: DispatchEvents
}

export class Dispatcher {
  readonly #parts: DispatchParts
  readonly #context: PumpContext
  readonly #pumps = new Map<number, BrokerPump>()
  #requests = 0

  constructor(parts: DispatchParts) {
    this.#parts = parts
    this.#context = {
      ...parts,
      seal: (queue) => this.#seal(queue),
      nextRequestNumber: () => ++this.#requests,
      now: () => parts.host.now(),
      onAvailability: () => parts.events.onAvailability(),
    }
  }

  get requestsInFlight(): number {
    let count = 0
    for (const pump of this.#pumps.values()) count += pump.requestsInFlight
    return count
  }

  requestsInFlightOf(nodeId: number): number {
    return this.#pumps.get(nodeId)?.requestsInFlight ?? 0
  }

  /** False while the broker has not responded for too long. */
  isAvailable(nodeId: number): boolean {
    return this.#pumps.get(nodeId)?.silence.isAvailable !== false
  }

  /** Since when the broker leaves requests without a response; Infinity = it responds. */
  silentSince(nodeId: number): number {
    return this.#pumps.get(nodeId)?.silence.since ?? Number.POSITIVE_INFINITY
  }

  /** The broker does not respond and holds its share of the buffer. */
  onShareFull(nodeId: number): void {
    this.#pumps.get(nodeId)?.silence.onShareFull()
  }

  /** The partition may have something to send. May be called at any time. */
  offer(queue: PartitionQueue): void {
    const { leaderId } = queue
    if (leaderId < 0) {
      if (!queue.isEmpty) this.#parts.cluster.refreshTopic(queue.topic.name, 'stale')
      return
    }
    let pump = this.#pumps.get(leaderId)
    if (pump === undefined) {
      pump = new BrokerPump(leaderId, this.#context)
      this.#pumps.set(leaderId, pump)
    }
    pump.offer(queue)
    this.#parts.events.wake()
  }

  /** Offers the partition at this time. */
  offerAt(queue: PartitionQueue, at: number): void {
    this.#parts.deadlines.add(at, () => this.offer(queue))
  }

  /** The linger of the open batch has ended, or a flush() waits for it. */
  endLinger(queue: PartitionQueue): void {
    this.#pumps.get(queue.leaderId)?.endLinger(queue)
    this.#parts.events.wake()
  }

  /** No open batch lingers any more: a flush() began, or the flush trigger released them. */
  endLingers(): void {
    for (const pump of this.#pumps.values()) pump.endLingers()
    this.#parts.events.wake()
  }

  /** Seals the open batch because it is full or can be sent. */
  seal(queue: PartitionQueue): void {
    this.#seal(queue)
    this.offer(queue)
  }

  #seal(queue: PartitionQueue): void {
    const batch = queue.seal()
    this.#parts.events.onSealed(batch)
    this.#parts.preparation.prepare(batch)
  }

  /** The partition has another leader than `before`. */
  onLeaderChange(queue: PartitionQueue, before: number): void {
    this.#pumps.get(before)?.remove(queue)
    this.offer(queue)
  }

  /** Writes what may be written now. */
  drain(now: number): void {
    for (const pump of this.#pumps.values()) pump.drain(now)
  }
}
