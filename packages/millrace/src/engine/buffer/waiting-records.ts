// Records that wait, for buffer space or for their topic: what they cost, the flush() calls that
// wait for them, and how they fail. Which queue they are in is known by its owner: the accumulator
// (space) or the topic. Callers: Accumulator, RecordCancellation.

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
  /** Nothing that waits has to fail before this moment. */
  #nextExpiry = Number.POSITIVE_INFINITY
  /** The error of this turn's records past the bound. */
  #fullError: KafkaError | null = null
  #lineFullError: { readonly queue: PartitionQueue; readonly error: KafkaError } | null = null

  constructor(parts: WaitingRecordParts) {
    this.#parts = parts
  }

  /** Throws BUFFER_FULL where the record can't wait either. */
  checkMemory(draft: RecordEncoder): void {
    if (this.#hasMemory(draft)) return
    const { settings, cluster, budget } = this.#parts
    const { waitingBytes, waitingBytesMax } = budget
    // One error serves a topic for a turn: a loop that never yields can be refused a million times.
    if (this.#fullError?.topic !== draft.topic) {
      this.#fullError = bufferFull(
        draft,
        waitingBytes,
        waitingBytesMax,
        settings,
        cluster.metadataError,
      )
    }
    throw this.#fullError
  }

  /** Throws BUFFER_FULL where the lines of partitions hold as much as they may. */
  checkLineMemory(draft: RecordEncoder, queue: PartitionQueue): void {
    this.checkMemory(draft)
    if (this.hasLineMemory(draft)) return
    const { cluster, budget } = this.#parts
    const { lineBytes, lineBytesMax } = budget
    if (this.#lineFullError?.queue !== queue) {
      const error = shareFull(queue, cluster.link(queue.leaderId), lineBytes, lineBytesMax)
      this.#lineFullError = { queue, error }
    }
    throw this.#lineFullError.error
  }

  #hasMemory({ contentBytes }: RecordEncoder): boolean {
    const { waitingBytes, waitingBytesMax } = this.#parts.budget
    return waitingBytes + contentBytes + waitingCost <= waitingBytesMax
  }

  /** Whether the record can wait for its partition. */
  hasLineMemory(draft: RecordEncoder): boolean {
    const { lineBytes, lineBytesMax } = this.#parts.budget
    const cost = draft.contentBytes + waitingCost
    return this.#hasMemory(draft) && lineBytes + cost <= lineBytesMax
  }

  startTurn(): void {
    this.#fullError = null
    this.#lineFullError = null
  }

  /** A copy of the record, which waits from now on. */
  add(draft: RecordEncoder, settle: Settle | null, tag: number): WaitingRecord {
    const { settings, host, budget, generations } = this.#parts
    const copy = draft.copy(host)
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
    this.#giveBack(waiting)
    this.#parts.generations.leave(waiting.flushGeneration)
    this.#parts.wake()
  }

  #giveBack(waiting: WaitingRecord): void {
    const { budget } = this.#parts
    budget.giveBackWaiting(waiting.cost)
    if (!waiting.isInLine) return
    waiting.isInLine = false
    budget.giveBackInLine(waiting.cost)
  }

  /** Fails a waiting record. */
  fail(waiting: WaitingRecord, error: KafkaError): void {
    const { settlement } = this.#parts
    const isDead = settlement.wantsDeadLetter(waiting.draft.topic, error)
    const deadLetter = isDead ? failedRecord(waiting.draft) : undefined
    waiting.markGone()
    this.#giveBack(waiting)
    const { settle, tag, flushGeneration } = waiting
    settlement.failRecord({ settle, tag, error, flushGeneration, deadLetter })
    this.#parts.wake()
  }

  /** The caller cancelled a waiting record, and reports that itself. */
  cancel(waiting: WaitingRecord): void {
    waiting.markGone()
    this.leave(waiting)
  }

  /** Fails everything that waits for a topic. */
  failPending(topic: TopicState, makeError: () => KafkaError): void {
    for (const waiting of topic.pending.takeAll()) this.fail(waiting, makeError())
  }

  /** Fails everything that waits for space. */
  failQueue(queue: WaitingQueue<WaitingRecord | WaitingCaller>, makeError: () => KafkaError): void {
    for (const entry of queue.takeAll()) this.failEntry(entry, makeError)
  }

  /** Fails an entry that was taken out of its queue. */
  failEntry(
    entry: WaitingRecord | WaitingCaller,
    makeError: (topic: string | undefined) => KafkaError,
  ): void {
    if (entry instanceof WaitingRecord) this.fail(entry, makeError(entry.draft.topic))
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

  /** Of a known topic only a partition can be missing: as bounded as a missing topic. */
  #topicMsMax(topic: TopicState): number {
    const { recordWaitMs, unknownTopicTimeoutMs } = this.#parts.settings
    return topic.known ? Math.min(recordWaitMs, unknownTopicTimeoutMs) : recordWaitMs
  }

  /** Fails what has waited for too long. */
  expireDue(
    now: number,
    queue: WaitingQueue<WaitingRecord | WaitingCaller>,
    topics: Iterable<TopicState>,
    lines: Iterable<readonly [PartitionQueue, WaitingQueue<WaitingRecord>]>,
  ): void {
    if (now < this.#nextExpiry) return
    const { maxBlockMs, recordWaitMs } = this.#parts.settings
    let next = this.#expire(queue, now, maxBlockMs, () => this.#timeoutError(null, maxBlockMs))
    for (const topic of topics) {
      const mostMs = this.#topicMsMax(topic)
      const timeoutError = () => this.#timeoutError(topic, mostMs)
      next = Math.min(next, this.#expire(topic.pending, now, mostMs, timeoutError))
    }
    for (const [partition, line] of lines) {
      const link = this.#parts.cluster.link(partition.leaderId)
      const timeoutError = () => shareTimeout(partition, link, recordWaitMs)
      next = Math.min(next, this.#expire(line, now, recordWaitMs, timeoutError))
    }
    this.#nextExpiry = next
  }

  /** Returns when to look again. */
  #expire(
    queue: WaitingQueue<WaitingRecord> | WaitingQueue<WaitingRecord | WaitingCaller>,
    now: number,
    mostMs: number,
    makeError: () => KafkaError,
  ): number {
    const isOver = (entry: WaitingRecord | WaitingCaller): boolean => now >= entry.since + mostMs
    const { first } = queue
    if (first === undefined) return Number.POSITIVE_INFINITY
    // Those behind the first one came in order; a sendBatch that advances has waited for less than
    // they have.
    const start = isOver(first) ? 0 : 1
    for (const entry of queue.takeWhile(start, isOver)) this.failEntry(entry, makeError)
    const { first: next, second } = queue
    const sinces = [next?.since, second?.since].filter((since) => since !== undefined)
    return Math.min(...sinces) + mostMs
  }

  /** The error of a record that waited too long: for its topic, or (null) for space. */
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

/** The record with bytes of its own. */
const failedRecord = (draft: RecordEncoder): FailedRecord => {
  const { topic, partition, timestamp, contentBytes } = draft
  const content = Buffer.allocUnsafe(contentBytes)
  draft.write(content, 0)
  return { topic, partition, timestamp, content }
}
