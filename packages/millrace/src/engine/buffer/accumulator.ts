// Owns the way of a record into the open batch of its partition, or into a queue where it waits for
// buffer space, for metadata of its topic, or for a partition whose broker is unavailable. Callers:
// Engine (records, each step), callers with many records (WaitingCaller).
//
// Invariants: a record never overtakes a waiting record of its partition; above the limits of the
// memory budget a record is rejected.

import { asKafkaError, type KafkaError } from '../../protocol/kafka-error.ts'
import { batchHeaderBytes } from '../../protocol/records/layout.ts'
import { Batch } from '../batch/batch.ts'
import type { BufferPool } from '../batch/buffer-pool.ts'
import type { MemoryBudget } from '../batch/memory-budget.ts'
import { RecordEncoder, recordOverheadMax } from '../batch/record-encoder.ts'
import type { Deadlines } from '../deadlines.ts'
import type { FlushGenerations } from '../delivery/flush-generations.ts'
import type { IncompleteBatches } from '../delivery/incomplete-batches.ts'
import type { RecordSpool } from '../delivery/record-spool.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { PartitionQueue, QueuedBatch } from '../dispatch/partition-queue.ts'
import type { ClusterPort } from '../ports.ts'
import type { ProducerRecord, Settle } from '../record.ts'
import type { EngineHost, EngineSettings } from '../settings.ts'
import { AppendClock } from './append-clock.ts'
import { PartitionWaitQueues } from './partition-wait-queues.ts'
import { SpaceQueue } from './space-queue.ts'
import { spooledHandle } from './spooled-handle.ts'
import type { TopicDirectory } from './topic-directory.ts'
import type { TopicState } from './topic-state.ts'
import type { RecordHandle, WaitingCaller, WaitingRecord } from './waiting-record.ts'
import type { WaitingRecords } from './waiting-records.ts'

/** The usual size of a record's own fields. */
const recordOverheadUsual = 8

export interface AccumulatorEvents {
  /** An open batch was created. */
  onBatchCreated(batch: QueuedBatch): void
  /** A record was appended. The argument is when it began to wait; null = it did not wait. */
  onAppended(batch: QueuedBatch, bytes: number, since: number | null): void
  /** The buffer is full: open batches are sent now, even before their linger. */
  onFull(): void
  wake(): void
}

/** The parts of the engine that the accumulator needs. */
export interface AccumulatorParts {
  readonly settings: EngineSettings
  readonly host: EngineHost
  readonly cluster: ClusterPort
  readonly deadlines: Deadlines
  readonly pool: BufferPool
  readonly budget: MemoryBudget
  readonly topics: TopicDirectory
  readonly generations: FlushGenerations
  readonly incomplete: IncompleteBatches
  readonly dispatcher: Dispatcher
  readonly waiting: WaitingRecords
  /** null = records go into batches at once. */
  readonly spool: RecordSpool | null
  readonly events: AccumulatorEvents
}

export class Accumulator {
  readonly #parts: AccumulatorParts
  readonly #events: AccumulatorEvents
  readonly #pool: BufferPool
  readonly #budget: MemoryBudget
  readonly #topics: TopicDirectory
  readonly #dispatcher: Dispatcher
  readonly #spool: RecordSpool | null
  readonly #clock: AppendClock
  readonly #encoder: RecordEncoder
  readonly #spaceQueue: SpaceQueue
  readonly #waitQueues: PartitionWaitQueues
  /** `enqueue` rejected a record of this partition. */
  #enqueueWaitsFor: PartitionQueue | null = null
  /** The last record of the spool found no space. */
  #isSpoolWaiting = false
  readonly #batchRecordsMax: number

  constructor(parts: AccumulatorParts) {
    this.#parts = parts
    this.#events = parts.events
    this.#pool = parts.pool
    this.#budget = parts.budget
    this.#topics = parts.topics
    this.#dispatcher = parts.dispatcher
    this.#spool = parts.spool
    const { maxRequestBytes, flush } = parts.settings
    this.#batchRecordsMax = flush?.maxRecords || Number.POSITIVE_INFINITY
    this.#clock = new AppendClock(parts.host)
    this.#encoder = new RecordEncoder(maxRequestBytes)
    this.#spaceQueue = new SpaceQueue({ ...parts, wake: parts.events.wake }, (waiting) =>
      this.#appendWaiting(waiting, false),
    )
    const waitQueueParts = { ...parts, wake: parts.events.wake }
    this.#waitQueues = new PartitionWaitQueues(waitQueueParts, (queue, waiting) => {
      const topic = this.#topics.get(queue.topic.name)
      this.#appendTo(topic, queue, waiting.encoder, waiting.settle, waiting.tag, waiting)
    })
  }

  /** A record would be accepted now, and no other waits for space before it. */
  get hasSpace(): boolean {
    return this.#spaceQueue.hasSpace
  }

  /** `enqueue` would accept a record now. */
  get mayEnqueue(): boolean {
    const queue = this.#enqueueWaitsFor
    return this.#spaceQueue.mayEnqueue && (queue === null || !this.#waitQueues.refuses(queue))
  }

  /** Callers of `enqueue` continue in this turn. */
  get isFilling(): boolean {
    return this.#spaceQueue.isFilling
  }

  /** Entries that wait for space. */
  get waitingCount(): number {
    return this.#spaceQueue.length + this.#waitQueues.length
  }

  /** Since when the first of them waits; Infinity = none waits. */
  get oldestWaitingAt(): number {
    return Math.min(this.#spaceQueue.oldestAt, this.#waitQueues.oldestAt)
  }

  // ── Appending ──────────────────────────────────────────────────────────────────────────────────

  /**
   * Appends the record if there is space and the limit of the turn is not reached. False = not
   * accepted and nothing has changed; the host's onSpace follows. Throws if the record is invalid.
   */
  tryAppend(record: ProducerRecord, settle: Settle | null): boolean {
    const encoder = this.#encoder
    encoder.load(record)
    if (this.#spaceQueue.mayEnqueue || (this.#waitQueues.findSpace() && this.hasSpace)) {
      const isTaken = this.#append(encoder, settle, 0, null) !== null
      this.#spaceQueue.onEnqueued()
      encoder.unload()
      if (!isTaken) {
        this.#enqueueWaitsFor = this.#waitQueues.refusedBy
        this.#spaceQueue.requestShare()
      }
      return isTaken
    }
    encoder.unload()
    if (!this.hasSpace) this.#events.onFull()
    this.#spaceQueue.requestSpace()
    return false
  }

  /**
   * Appends the record to a batch, or lets it wait. Throws if it is invalid, or above the limits.
   */
  append(record: ProducerRecord, settle: Settle | null): RecordHandle {
    const encoder = this.#encoder
    encoder.load(record)
    if (this.hasSpace || (this.#waitQueues.findSpace() && this.hasSpace)) {
      const handle =
        this.#append(encoder, settle, 0, null) ?? this.#waitQueues.join(encoder, settle, 0)
      encoder.unload()
      return handle
    }
    try {
      const { waiting: waitingRecords } = this.#parts
      waitingRecords.checkMemory(encoder)
      this.#events.onFull()
      const waiting = waitingRecords.add(encoder, settle, 0)
      this.#spaceQueue.push(waiting)
      return waiting
    } finally {
      encoder.unload()
    }
  }

  /**
   * Takes a dead letter. With a spool it does not wait for space: it replaces the record that it is
   * created from, and is written to disk together with the end of that record.
   */
  appendDeadLetter(record: ProducerRecord, settle: Settle): void {
    if (this.#spool === null) {
      this.append(record, settle)
      return
    }
    const encoder = this.#encoder
    encoder.load(record)
    try {
      this.#append(encoder, settle, 0, null)
    } finally {
      encoder.unload()
    }
  }

  /** A caller with many records waits for its turn. */
  wait(caller: WaitingCaller): void {
    this.#spaceQueue.pushCaller(caller)
  }

  /** The caller has cancelled its remaining records. */
  stopWaiting(caller: WaitingCaller): void {
    this.#spaceQueue.removeCaller(caller)
  }

  /** For the caller whose turn it is, with its flush() generation; null = no space now. */
  appendInTurn(
    record: ProducerRecord,
    settle: Settle,
    tag: number,
    flushGeneration: number,
  ): RecordHandle | null {
    if (!this.#spaceQueue.mayAppendInTurn()) return null
    const encoder = this.#encoder
    this.#spaceQueue.beginInTurn()
    encoder.load(record)
    this.#spaceQueue.endInTurn()
    const handle =
      this.#append(encoder, settle, tag, null) ?? this.#waitQueues.join(encoder, settle, tag)
    encoder.unload()
    this.#joinEarlierFlush(handle, flushGeneration)
    return handle
  }

  /** Appends the record to the spool if there is one, otherwise to a batch; null = rejected. */
  #append(
    encoder: RecordEncoder,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): RecordHandle | null {
    if (this.#spool === null) return this.#put(encoder, settle, tag, from)
    if (encoder.timestamp < 0) encoder.timestamp = this.#clock.wallTime()
    this.#spool.take(encoder, settle, tag)
    if (from !== null) {
      from.moveIntoSpool()
      this.#parts.waiting.leave(from)
    }
    return spooledHandle
  }

  /**
   * Appends a record of the spool to a batch, or lets it wait for its partition, so that later
   * records continue; false = there is no space in memory.
   */
  appendSpooled(encoder: RecordEncoder, settle: Settle | null, recordId: number): boolean {
    const isTaken =
      (this.#budget.hasSpace || (this.#waitQueues.findSpace() && this.#budget.hasSpace)) &&
      (this.#put(encoder, settle, recordId, null) !== null ||
        this.#waitQueues.joinIfSpace(encoder, settle, recordId))
    this.#isSpoolWaiting = !isTaken
    return isTaken
  }

  /** Appends the record to the open batch of its partition, or lets it wait for its topic. */
  #put(
    encoder: RecordEncoder,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): RecordHandle | null {
    const topic = this.#topics.get(encoder.topic)
    const { partitionCount } = topic.partitioning
    let { partition } = encoder
    if (partitionCount === 0 || partition >= partitionCount) {
      return this.#waitForTopic(topic, encoder, settle, tag, from)
    }
    if (partition < 0) partition = this.#choosePartition(topic, encoder)
    return this.#appendTo(topic, topic.queues[partition]!, encoder, settle, tag, from)
  }

  /** A partitioner may be code of the user: the encoder must not change meanwhile. */
  #choosePartition({ partitioner, partitioning }: TopicState, encoder: RecordEncoder): number {
    const { keyBytes, keyStart, keyEnd, contentBytes } = encoder
    const recordBytes = contentBytes + recordOverheadUsual
    this.#encoder.lock()
    try {
      const chosen = partitioner.partition(partitioning, keyBytes, keyStart, keyEnd, recordBytes)
      if (partitioner.isCustom === true) encoder.checkUnchanged()
      return chosen
    } catch (error) {
      this.#encoder.unload()
      throw error
    } finally {
      this.#encoder.unlock()
    }
  }

  #waitForTopic(
    topic: TopicState,
    encoder: RecordEncoder,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): WaitingRecord {
    // The caller knows that there is space. This one record may exceed the limit of waiting
    // records: enqueue accepts it, and returns false for the next one.
    const { waiting: waitingRecords, cluster } = this.#parts
    const waiting = from ?? waitingRecords.add(encoder, settle, tag)
    topic.pending.push(waiting)
    topic.markUsed(waiting.since)
    waitingRecords.watchTopic(waiting, topic)
    cluster.refreshTopic(topic.name, topic.known ? 'stale' : 'unknown')
    return waiting
  }

  // ── Batches ────────────────────────────────────────────────────────────────────────────────────

  #appendTo(
    topic: TopicState,
    queue: PartitionQueue,
    encoder: RecordEncoder,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): RecordHandle | null {
    const content = encoder.contentBytes
    const timestamp = encoder.timestamp >= 0 ? encoder.timestamp : this.#clock.wallTime()
    let batch = queue.open
    // Decides for nearly every record without its exact size.
    if (batch === null || !this.#fits(batch, content + recordOverheadMax)) {
      if (this.#waitQueues.refuses(queue)) return this.#waitQueues.refuse(queue, from)
      batch = this.#batchFor(topic, queue, content, timestamp)
    }
    const start = batch.size
    this.#budget.take(batch.append(encoder, content, timestamp, settle, tag, this.#pool))
    if (from !== null) this.#moveIn(batch, from)
    this.#events.onAppended(batch, batch.size - start, from === null ? null : from.since)
    if (!queue.listedOpen) this.#dispatcher.offer(queue)
    return batch
  }

  #fits(batch: QueuedBatch, bytes: number): boolean {
    return (
      batch.size + bytes <= batch.queue.topic.batchBytes &&
      batch.recordCount < this.#batchRecordsMax
    )
  }

  /** The open batch if the record fits into it exactly; otherwise a new one. */
  #batchFor(
    topic: TopicState,
    queue: PartitionQueue,
    content: number,
    timestamp: number,
  ): QueuedBatch {
    const batch = queue.open
    if (batch === null) return this.#createBatch(topic, queue, content)
    if (this.#fits(batch, batch.recordBytes(content, timestamp))) return batch
    topic.partitioner.onBatchSealed?.(queue.partition)
    this.#dispatcher.seal(queue)
    return this.#createBatch(topic, queue, content)
  }

  #createBatch(topic: TopicState, queue: PartitionQueue, content: number): QueuedBatch {
    const { settings, host, generations, incomplete } = this.#parts
    const now = host.now()
    topic.markUsed(now)
    const needed = Math.max(content + recordOverheadMax + batchHeaderBytes, queue.lastCapacity)
    const buffer = this.#pool.acquire(needed)
    const deadline = now + settings.deliveryTimeoutMs
    const batch = new Batch(queue, queue.takeOrdinal(), buffer, now, deadline, generations.current)
    queue.openBatch(batch)
    this.#events.onBatchCreated(batch)
    incomplete.add(batch)
    return batch
  }

  /**
   * A record that had waited is in the batch: its deadline and its flush() calls now apply to the
   * batch.
   */
  #moveIn(batch: QueuedBatch, waiting: WaitingRecord): void {
    const { settings, waiting: waitingRecords } = this.#parts
    waiting.moveInto(batch)
    batch.advanceDeadline(waiting.since + settings.deliveryTimeoutMs)
    this.#joinEarlierFlush(batch, waiting.flushGeneration)
    waitingRecords.leave(waiting)
  }

  /** The flush() calls from this generation on wait for it too. */
  #joinEarlierFlush(handle: RecordHandle, flushGeneration: number): void {
    if (handle.flushGeneration <= flushGeneration) return
    const { generations } = this.#parts
    generations.enter(flushGeneration)
    generations.leave(handle.flushGeneration)
    handle.joinEarlierFlush(flushGeneration)
    if (!(handle instanceof Batch) || handle.queue.open !== handle) return
    handle.queue.requestRelease()
    this.#dispatcher.endLinger(handle.queue)
  }

  // ── Steps ──────────────────────────────────────────────────────────────────────────────────────

  /** A new event-loop turn: the next record reads the clock. */
  startTurn(): void {
    this.#clock.startTurn()
    this.#spaceQueue.startTurn()
    this.#parts.waiting.startTurn()
  }

  /** The host's onSpace follows when there is space. */
  requestSpace(): void {
    this.#spaceQueue.requestSpace()
  }

  /** A batch gave memory back. */
  onMemoryFreed(): void {
    this.#spaceQueue.onMemoryFreed()
  }

  /** Admits records that wait for space, and notifies the host if it waits. */
  admitWaiting(): void {
    this.#waitQueues.step(this.#spaceQueue.hasWaiters || this.#isSpoolWaiting)
    const queue = this.#enqueueWaitsFor
    const isRefused = queue !== null && this.#waitQueues.refuses(queue)
    if (!isRefused) this.#enqueueWaitsFor = null
    this.#spaceQueue.admit(!isRefused)
  }

  /** `isPending` = it waited for its topic; with a spool it is already on disk. */
  #appendWaiting(waiting: WaitingRecord, isPending: boolean): void {
    const { encoder, settle, tag } = waiting
    try {
      if (isPending) this.#put(encoder, settle, tag, waiting)
      else this.#append(encoder, settle, tag, waiting)
    } catch (error) {
      const { topic } = encoder
      this.#parts.waiting.fail(waiting, asKafkaError(error, `topic ${topic}`, { topic }))
    }
  }

  /** The topic is known, or has more partitions: its records continue, in order. */
  releasePending(topic: TopicState): void {
    if (topic.pending.length === 0) return
    for (const waiting of topic.pending.takeAll()) this.#appendWaiting(waiting, true)
  }

  /** The earliest time at which a waiting record can expire. */
  get nextExpiry(): number {
    return this.#parts.waiting.nextExpiry
  }

  /** Fails records that have waited for too long. */
  expireWaiting(now: number): void {
    this.#spaceQueue.expireDue(now, this.#topics.all(), this.#waitQueues)
  }

  /** Fails all records that wait for the topic. */
  failPending(topic: TopicState, makeError: () => KafkaError): void {
    this.#parts.waiting.failPending(topic, makeError)
  }

  /**
   * Fails the selected entries that wait for space, a topic or a partition (null = all of them);
   * returns their number.
   */
  purgeWaiting(
    isSelected: ((topic: string, partition: number) => boolean) | null,
    makeError: (topic: string | undefined) => KafkaError,
  ): number {
    const { waiting } = this.#parts
    const found = [...this.#spaceQueue.takeIf(isSelected)]
    for (const { pending } of this.#topics.all()) {
      found.push(
        ...pending.takeIf(
          ({ encoder }) => isSelected?.(encoder.topic, encoder.partition) !== false,
        ),
      )
    }
    found.push(...this.#waitQueues.takeIf(isSelected))
    for (const entry of found) waiting.failEntry(entry, makeError)
    return found.length
  }

  /** Fails all records that wait for the partition. */
  failWaiting(queue: PartitionQueue, makeError: () => KafkaError): void {
    this.#waitQueues.fail(queue, makeError)
  }

  /** Fails all entries that wait for space, for a topic or for a partition. */
  failAllWaiting(makeError: () => KafkaError): void {
    for (const topic of this.#topics.all()) this.failPending(topic, makeError)
    this.#waitQueues.failAll(makeError)
    this.#spaceQueue.failAll(makeError)
  }
}
