// Owns the memory, the time limits and the failures of records that wait for buffer space or for
// their topic, and the flush() calls that wait for them. The queues are owned by the accumulator
// (space), the topics and PartitionWaitQueues. Callers: Accumulator, RecordCancellation. Invariant:
// each record that enters leaves once, by `leave`, `cancel` or `fail`.

import { KafkaError } from '../../protocol/kafka-error.ts'
import { bufferFull, shareFull, shareTimeout } from '../batch/batch-errors.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import type { RecordEncoder } from '../batch/record-encoder.ts'
import type { FailedRecord } from '../delivery/dead-letter-port.ts'
import type { FlushGenerations } from '../delivery/flush-generations.ts'
import type { Settlement } from '../delivery/settlement.ts'
import type { PartitionQueue } from '../dispatch/partition-queue.ts'
import type { ClusterPort } from '../ports.ts'
import type { Settle } from '../record.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import type { TopicState } from './topic-state.ts'
import type { WaitingQueue } from './waiting-queue.ts'
import { type WaitingCaller, WaitingRecord, waitingCost } from './waiting-record.ts'

/** The parts of the engine that waiting records need. */
export interface WaitingRecordParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly budget: MemoryBudget
  readonly generations: FlushGenerations
  readonly settlement: Settlement
  readonly wake: () => void
}

export class WaitingRecords {
  readonly #parts: WaitingRecordParts
  /** The earliest time at which a waiting entry can expire. */
  #nextExpiry = Number.POSITIVE_INFINITY
  /** The error of this turn's records above the limit. */
  #fullError: KafkaError | null = null
  #partitionFullError: { readonly queue: PartitionQueue; readonly error: KafkaError } | null = null

  constructor(parts: WaitingRecordParts) {
    this.#parts = parts
  }

  /** Throws BUFFER_FULL if the record cannot wait either. */
  checkMemory(encoder: RecordEncoder): void {
    if (this.#hasMemory(encoder)) return
    const { settings, cluster, budget } = this.#parts
    const { waitingBytes, waitingBytesMax } = budget
    // One error serves a topic for a turn, because a loop without await can be rejected a million
    // times.
    if (this.#fullError?.topic !== encoder.topic) {
      this.#fullError = bufferFull(
        encoder,
        waitingBytes,
        waitingBytesMax,
        settings,
        cluster.metadataError,
      )
    }
    throw this.#fullError
  }

  /** Throws BUFFER_FULL if the queues of partitions have reached their limit. */
  checkPartitionWaitMemory(encoder: RecordEncoder, queue: PartitionQueue): void {
    this.checkMemory(encoder)
    if (this.hasPartitionWaitMemory(encoder)) return
    const { cluster, budget } = this.#parts
    const { partitionWaitBytes, partitionWaitBytesMax } = budget
    if (this.#partitionFullError?.queue !== queue) {
      const error = shareFull(
        queue,
        cluster.link(queue.leaderId),
        partitionWaitBytes,
        partitionWaitBytesMax,
      )
      this.#partitionFullError = { queue, error }
    }
    throw this.#partitionFullError.error
  }

  #hasMemory({ contentBytes }: RecordEncoder): boolean {
    const { waitingBytes, waitingBytesMax } = this.#parts.budget
    return waitingBytes + contentBytes + waitingCost <= waitingBytesMax
  }

  /** Whether the record can wait for its partition. */
  hasPartitionWaitMemory(encoder: RecordEncoder): boolean {
    const { partitionWaitBytes, partitionWaitBytesMax } = this.#parts.budget
    const cost = encoder.contentBytes + waitingCost
    return this.#hasMemory(encoder) && partitionWaitBytes + cost <= partitionWaitBytesMax
  }

  startTurn(): void {
    this.#fullError = null
    this.#partitionFullError = null
  }

  /** Creates a copy of the record, which waits from now on. */
  add(encoder: RecordEncoder, settle: Settle | null, tag: number): WaitingRecord {
    const { settings, host, budget, generations } = this.#parts
    const copy = encoder.copy(host)
    const waiting = new WaitingRecord(copy, settle, tag, host.now(), generations.current)
    generations.enter(waiting.flushGeneration)
    budget.takeWaiting(waiting.cost)
    this.#watch(waiting.since + settings.maxBlockMs)
    return waiting
  }

  /** A caller with many records waits. */
  addCaller(caller: WaitingCaller): void {
    this.#parts.generations.enter(caller.flushGeneration)
    this.#watch(caller.since + this.#parts.settings.maxBlockMs)
  }

  leaveCaller(caller: WaitingCaller): void {
    this.#parts.generations.leave(caller.flushGeneration)
  }

  /** The record waits for its topic from now on. */
  watchTopic(waiting: WaitingRecord, topic: TopicState): void {
    if (topic.known) this.#watch(waiting.since + this.#topicMsMax(topic))
  }

  /** The record is in a batch now. */
  leave(waiting: WaitingRecord): void {
    this.#releaseMemory(waiting)
    this.#parts.generations.leave(waiting.flushGeneration)
    this.#parts.wake()
  }

  #releaseMemory(waiting: WaitingRecord): void {
    const { budget } = this.#parts
    budget.releaseWaiting(waiting.cost)
    if (!waiting.waitsForPartition) return
    waiting.waitsForPartition = false
    budget.releasePartitionWait(waiting.cost)
  }

  /** Fails a waiting record. */
  fail(waiting: WaitingRecord, error: KafkaError): void {
    const { settlement } = this.#parts
    const isDead = settlement.wantsDeadLetter(waiting.encoder.topic, error)
    const deadLetter = isDead ? failedRecord(waiting.encoder) : undefined
    waiting.markGone()
    this.#releaseMemory(waiting)
    const { settle, tag, flushGeneration } = waiting
    settlement.failRecord({ settle, tag, error, flushGeneration, deadLetter })
    this.#parts.wake()
  }

  /** The caller cancelled a waiting record, and reports it itself. */
  cancel(waiting: WaitingRecord): void {
    waiting.markGone()
    this.leave(waiting)
  }

  /** Fails all records that wait for a topic. */
  failPending(topic: TopicState, makeError: () => KafkaError): void {
    for (const waiting of topic.pending.takeAll()) this.fail(waiting, makeError())
  }

  /** Fails all entries that wait for space. */
  failQueue(queue: WaitingQueue<WaitingRecord | WaitingCaller>, makeError: () => KafkaError): void {
    for (const entry of queue.takeAll()) this.failEntry(entry, makeError)
  }

  /** Fails an entry that was removed from its queue. */
  failEntry(
    entry: WaitingRecord | WaitingCaller,
    makeError: (topic: string | undefined) => KafkaError,
  ): void {
    if (entry instanceof WaitingRecord) this.fail(entry, makeError(entry.encoder.topic))
    else {
      entry.fail(() => makeError(undefined))
      this.leaveCaller(entry)
    }
  }

  // ── Time limits ────────────────────────────────────────────────────────────────────────────────

  get nextExpiry(): number {
    return this.#nextExpiry
  }

  #watch(until: number): void {
    this.#nextExpiry = Math.min(this.#nextExpiry, until)
    this.#parts.wake()
  }

  /**
   * For a known topic only a partition can be missing, with the same time limit as a missing topic.
   */
  #topicMsMax(topic: TopicState): number {
    const { recordWaitMs, unknownTopicTimeoutMs } = this.#parts.settings
    return topic.known ? Math.min(recordWaitMs, unknownTopicTimeoutMs) : recordWaitMs
  }

  /** Fails entries that have waited for too long. */
  expireDue(
    now: number,
    queue: WaitingQueue<WaitingRecord | WaitingCaller>,
    topics: Iterable<TopicState>,
    waitQueues: Iterable<readonly [PartitionQueue, WaitingQueue<WaitingRecord>]>,
  ): void {
    if (now < this.#nextExpiry) return
    const { maxBlockMs, recordWaitMs } = this.#parts.settings
    let next = this.#expire(queue, now, maxBlockMs, () => this.#timeoutError(null, maxBlockMs))
    for (const topic of topics) {
      const mostMs = this.#topicMsMax(topic)
      const timeoutError = () => this.#timeoutError(topic, mostMs)
      next = Math.min(next, this.#expire(topic.pending, now, mostMs, timeoutError))
    }
    for (const [partition, entries] of waitQueues) {
      const link = this.#parts.cluster.link(partition.leaderId)
      const timeoutError = () => shareTimeout(partition, link, recordWaitMs)
      next = Math.min(next, this.#expire(entries, now, recordWaitMs, timeoutError))
    }
    this.#nextExpiry = next
  }

  /** Returns when to check again. */
  #expire(
    queue: WaitingQueue<WaitingRecord> | WaitingQueue<WaitingRecord | WaitingCaller>,
    now: number,
    mostMs: number,
    makeError: () => KafkaError,
  ): number {
    const isExpired = (entry: WaitingRecord | WaitingCaller): boolean => now >= entry.since + mostMs
    const { first } = queue
    if (first === undefined) return Number.POSITIVE_INFINITY
    // The entries after the first one arrived in order. A sendBatch that advances has waited for
    // less time than they have.
    const start = isExpired(first) ? 0 : 1
    for (const entry of queue.takeWhile(start, isExpired)) this.failEntry(entry, makeError)
    const { first: next, second } = queue
    const startTimes = [next?.since, second?.since].filter((since) => since !== undefined)
    return Math.min(...startTimes) + mostMs
  }

  /** The error of a record that waited for too long: for its topic, or (null) for space. */
  #timeoutError(topic: TopicState | null, mostMs: number): KafkaError {
    const cause = topic?.failure ?? this.#parts.cluster.metadataError ?? undefined
    const why = cause === undefined ? '' : `: ${cause.message}`
    if (topic === null) {
      const message = `The buffer had no space within ${mostMs} ms${why}`
      return new KafkaError('BUFFER_TIMEOUT', message, { cause })
    }
    if (topic.known) {
      const count = topic.partitioning.partitionCount
      return new KafkaError(
        'UNKNOWN_PARTITION',
        `Topic "${topic.name}" has ${count} partitions (0 to ${count - 1}), ` +
          `and got no other within ${this.#topicMsMax(topic)} ms`,
        { topic: topic.name, cause },
      )
    }
    const context = { topic: topic.name, cause }
    if (topic.failure?.code === 'UNKNOWN_TOPIC') {
      const message = `Topic "${topic.name}" was not found within ${mostMs} ms${why}`
      return new KafkaError('UNKNOWN_TOPIC', message, context)
    }
    const message = `No broker returned metadata for topic "${topic.name}" within ${mostMs} ms`
    return new KafkaError('METADATA_TIMEOUT', `${message}${why}`, context)
  }
}

/** Copies the record with its bytes. */
const failedRecord = (encoder: RecordEncoder): FailedRecord => {
  const { topic, partition, timestamp, contentBytes } = encoder
  const content = Buffer.allocUnsafe(contentBytes)
  encoder.write(content, 0)
  return { topic, partition, timestamp, content }
}
