// From a record to its batch: topics, partitions, the open batches and the memory they may take.
// What can't be appended yet waits in a line: for room in the buffer (one line), or for its topic
// (one each).
//
//   bufferMemoryBytes = window (batches) + line (records that wait for room)
//
// Invariants: `usedBytes` is the cost of all batches not settled; nothing passes the line while
// somebody waits in it; past the bounds a record is refused, never kept.

import { asKafkaError, type KafkaError } from '../protocol/kafka-error.ts'
import type { AccumulatorOwner } from './accumulator-owner.ts'
import { Batch, costOf } from './batch.ts'
import { bufferFull, recordTooLarge } from './batch-errors.ts'
import { BufferPool } from './buffer-pool.ts'
import type { PartitionQueue } from './partition-queue.ts'
import type { PartitionerFactory } from './partitioner.ts'
import type { ProducerRecord, Settle } from './record.ts'
import { RecordDraft, recordOverheadMax, requestOverheadMax } from './record-draft.ts'
import { TopicState } from './topic-state.ts'
import { type WaitingCaller, WaitingLine, WaitingRecord, waitingCost } from './waiting-line.ts'

/**
 * The part of the buffer memory that batches take. A window keeps promises and callbacks
 * short-lived: with 64 MiB outstanding, awaited sends lost half their speed to the garbage
 * collector.
 */
const windowShare = 3 / 8
/** What a record's own fields usually take around its content. */
const recordOverheadUsual = 8
/** Records appended in one turn that share one reading of the clock. */
const wallTimeUsesMax = 8
/** Records appended in one turn for those in line; a refused one, with its error, counts more. */
const turnRecordsMax = 8192
const refusedCost = 32
/** Below this share of the window, whoever waits for room is told. */
const roomShare = 3 / 4

/** Where a record is that was taken: in a batch, or waiting. */
export type Place = Batch | WaitingRecord

export class Accumulator {
  readonly #owner: AccumulatorOwner
  readonly #makePartitioner: PartitionerFactory
  readonly #topics = new Map<string, TopicState>()
  readonly #line = new WaitingLine<WaitingRecord | WaitingCaller>()
  readonly #draft = new RecordDraft()
  readonly pool: BufferPool
  readonly #windowBytes: number
  readonly #lineBytes: number
  readonly #recordBytesMax: number
  readonly #batchRecordsMax: number
  #usedBytes = 0
  /** Cost of everything that waits, in the line or for a topic. */
  #waitingBytes = 0
  #roomWanted = false
  #cutShort = false
  #turnRecords = 0
  /** What this turn's sends past the bound are refused with. */
  #fullError: KafkaError | null = null
  #lastWallTime = 0
  #wallTimeUses = 0
  #lastTopic: TopicState | null = null

  constructor(owner: AccumulatorOwner, makePartitioner: PartitionerFactory) {
    this.#owner = owner
    this.#makePartitioner = makePartitioner
    const { bufferMemoryBytes, batchBytes, maxRequestBytes, flush } = owner.settings
    this.#batchRecordsMax = flush?.maxRecords || Number.POSITIVE_INFINITY
    this.#windowBytes = Math.max(1, Math.floor(bufferMemoryBytes * windowShare))
    this.#lineBytes = bufferMemoryBytes - this.#windowBytes
    this.pool = new BufferPool(batchBytes, Math.floor(bufferMemoryBytes / 2))
    this.#recordBytesMax = maxRequestBytes - requestOverheadMax - recordOverheadMax - 61
  }

  /** What batches may take; whoever comes then waits in line. */
  get windowBytes(): number {
    return this.#windowBytes
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get waitingCount(): number {
    return this.#line.length
  }

  get hasRoom(): boolean {
    return (
      this.#usedBytes < this.#windowBytes &&
      this.#line.length === 0 &&
      this.#waitingBytes < this.#lineBytes
    )
  }

  topic(name: string): TopicState | undefined {
    return this.#topics.get(name)
  }

  get topics(): IterableIterator<TopicState> {
    return this.#topics.values()
  }

  /**
   * Takes the record if there is room; false = not taken, nothing happened, and the host's onRoom
   * follows. Throws where the record itself is wrong.
   */
  tryAppend(record: ProducerRecord, settle: Settle | null): boolean {
    this.#load(record)
    if (!this.hasRoom) {
      this.#roomWanted = true
      this.#owner.onFull()
      return false
    }
    this.#place(this.#draft, settle, 0, null)
    return true
  }

  /**
   * Takes the record, into a batch or into the line. Throws where it is wrong, or past the bounds.
   */
  append(record: ProducerRecord, settle: Settle | null): Place {
    this.#load(record)
    if (this.hasRoom) return this.#place(this.#draft, settle, 0, null)
    this.#checkLine(this.#draft)
    this.#owner.onFull()
    const waiting = this.#makeWaiting(this.#draft, settle, 0)
    waiting.inLine = true
    this.#line.push(waiting)
    return waiting
  }

  /** Takes a place in the line for a caller with many records. */
  wait(caller: WaitingCaller): void {
    this.#owner.generations.enter(caller.flushGeneration)
    this.#line.push(caller)
    this.#owner.onWaiting(caller.since + this.#owner.settings.maxBlockMs)
  }

  /** For a caller whose turn it is, and its flush() calls; null = no room now. */
  appendInTurn(
    record: ProducerRecord,
    settle: Settle,
    tag: number,
    flushGeneration: number,
  ): Place | null {
    if (this.#usedBytes >= this.#windowBytes || this.#waitingBytes >= this.#lineBytes) return null
    if (this.#turnIsOver()) return null
    this.#turnRecords += refusedCost
    this.#load(record)
    this.#turnRecords -= refusedCost - 1
    const place = this.#place(this.#draft, settle, tag, null)
    this.#hasten(place, flushGeneration)
    return place
  }

  /**
   * A batch settled, or lost records. Who waits is let in by the next step: this may be called in
   * the middle of an append, which must be over first.
   */
  giveBack(cost: number): void {
    this.#usedBytes -= cost
    if (this.#line.length > 0 || this.#roomWanted) this.#owner.onLeftLine()
  }

  /** Lets in who waits for room, and tells the host where it waits. */
  letIn(): void {
    if (this.#line.length === 0 && !this.#roomWanted) return
    if (this.#usedBytes > this.#windowBytes * roomShare && !this.#cutShort) return
    this.#cutShort = false
    this.#admit()
    if (!this.#roomWanted || !this.hasRoom) return
    this.#roomWanted = false
    this.#owner.host.onRoom()
  }

  /** The host's onRoom follows once there is room. */
  wantRoom(): void {
    this.#roomWanted = true
  }

  #load(record: ProducerRecord): void {
    const draft = this.#draft
    draft.load(record)
    const bytes = draft.contentBytes
    if (bytes > this.#recordBytesMax) {
      throw recordTooLarge(draft, this.#recordBytesMax, this.#owner.settings)
    }
  }

  #checkLine(draft: RecordDraft): void {
    // What waited for a topic goes into batches all at once, past the window: the line pays for it.
    const overfullBytes = Math.max(0, this.#usedBytes - this.#windowBytes)
    const mostBytes = Math.max(0, this.#lineBytes - overfullBytes)
    if (this.#waitingBytes + draft.contentBytes + waitingCost <= mostBytes) return
    const { settings, cluster } = this.#owner
    // One error serves a topic for a turn: a loop that never yields can be refused a million times.
    if (this.#fullError?.topic !== draft.topic) {
      const bytes = this.#waitingBytes
      this.#fullError = bufferFull(draft, bytes, mostBytes, settings, cluster.metadataError)
    }
    throw this.#fullError
  }

  #makeWaiting(draft: RecordDraft, settle: Settle | null, tag: number): WaitingRecord {
    const { generations, host, settings } = this.#owner
    const waiting = new WaitingRecord(draft.copy(), settle, tag, host.now(), generations.current)
    if (waiting.draft.timestamp < 0) waiting.draft.timestamp = host.wallTime()
    generations.enter(waiting.flushGeneration)
    this.#waitingBytes += waiting.cost
    this.#owner.onWaiting(waiting.since + settings.maxBlockMs)
    return waiting
  }

  /** The waiting record is in a batch now, or has failed. */
  #leaveWaiting(waiting: WaitingRecord): void {
    this.#waitingBytes -= waiting.cost
    this.#owner.generations.leave(waiting.flushGeneration)
    this.#owner.onLeftLine()
  }

  /** Fails a waiting record; its entry is skipped when its turn comes. */
  failWaiting(waiting: WaitingRecord, error: KafkaError): void {
    waiting.gone = true
    this.#waitingBytes -= waiting.cost
    const { settle, tag, flushGeneration } = waiting
    this.#owner.failRecord({ settle, tag, error, flushGeneration })
    this.#owner.onLeftLine()
  }

  /** The caller gave up on a waiting record and has told whom it concerns. */
  abandonWaiting(waiting: WaitingRecord): void {
    waiting.gone = true
    this.#leaveWaiting(waiting)
  }

  /** What is known of the topic; from now on it is one of the engine's. */
  topicFor(name: string): TopicState {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      const { batchBytes } = this.#owner.settings
      topic = new TopicState(name, this.#topics.size, this.#makePartitioner(), batchBytes)
      this.#topics.set(name, topic)
    }
    return topic
  }

  /** Puts the record into its partition's open batch, or into its topic's line. */
  #place(
    draft: RecordDraft,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): Place {
    const last = this.#lastTopic
    const topic = last !== null && last.name === draft.topic ? last : this.topicFor(draft.topic)
    this.#lastTopic = topic
    const { partitioning } = topic
    let { partition } = draft
    if (partitioning.partitionCount === 0 || partition >= partitioning.partitionCount) {
      return this.#waitForTopic(topic, draft, settle, tag, from)
    }
    if (partition < 0) {
      partition = this.#choosePartition(topic, draft)
    }
    return this.#appendTo(topic.queues[partition]!, draft, settle, tag, from)
  }

  /** Runs the user's code where the partitioner is theirs: the draft must not change meanwhile. */
  #choosePartition({ partitioner, partitioning }: TopicState, draft: RecordDraft): number {
    const { keyBytes, keyStart, keyEnd, contentBytes } = draft
    const recordBytes = contentBytes + recordOverheadUsual
    this.#draft.isLent = true
    try {
      return partitioner.partition(partitioning, keyBytes, keyStart, keyEnd, recordBytes)
    } finally {
      this.#draft.isLent = false
    }
  }

  #waitForTopic(
    topic: TopicState,
    draft: RecordDraft,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): WaitingRecord {
    // Whoever gets here was told that there is room: a line that is passed by one record, at most,
    // keeps enqueue from throwing where it should answer false next time.
    const waiting = from ?? this.#makeWaiting(draft, settle, tag)
    topic.pending.push(waiting)
    if (topic.known) this.#owner.onWaiting(waiting.since + this.#pendingMsMax(topic))
    this.#owner.cluster.refreshTopic(topic.name, topic.known ? 'stale' : 'unknown')
    return waiting
  }

  #appendTo(
    queue: PartitionQueue,
    draft: RecordDraft,
    settle: Settle | null,
    tag: number,
    from: WaitingRecord | null,
  ): Batch {
    const content = draft.contentBytes
    const timestamp = draft.timestamp >= 0 ? draft.timestamp : this.#wallTime()
    let batch = queue.open
    // Answers for nearly every record, without counting its bytes out.
    if (batch === null || !this.#fits(batch, content + recordOverheadMax)) {
      batch = this.#batchFor(queue, content, timestamp)
    }
    const bytes = batch.append(draft, content, timestamp, settle, tag, this.pool)
    this.#usedBytes += costOf(bytes, settle)
    if (from !== null) this.#moveIn(batch, from)
    this.#owner.onAppended(batch, bytes, from === null ? null : from.since)
    if (!queue.listedOpen) this.#owner.offer(queue)
    return batch
  }

  /**
   * The time of the call, read from the clock for every few records only: it costs as much as an
   * append.
   */
  #wallTime(): number {
    if (this.#wallTimeUses === 0) this.#lastWallTime = this.#owner.host.wallTime()
    this.#wallTimeUses = (this.#wallTimeUses + 1) % wallTimeUsesMax
    return this.#lastWallTime
  }

  /** A new event-loop turn: the next record reads the clock. */
  startTurn(): void {
    this.#fullError = null
    this.#wallTimeUses = 0
    this.#turnRecords = 0
  }

  #turnIsOver(): boolean {
    if (this.#turnRecords < turnRecordsMax) return false
    this.#cutShort = true
    this.#owner.onLeftLine()
    return true
  }

  #fits(batch: Batch, bytes: number): boolean {
    return (
      batch.size + bytes <= batch.queue.topic.batchBytes &&
      batch.recordCount < this.#batchRecordsMax
    )
  }

  /** The open batch where the record fits into it to the byte; else a new one. */
  #batchFor(queue: PartitionQueue, content: number, timestamp: number): Batch {
    const batch = queue.open
    if (batch === null) return this.#createBatch(queue, content)
    if (this.#fits(batch, batch.recordBytes(content, timestamp))) return batch
    queue.topic.partitioner.onBatchSealed?.(queue.partition)
    this.#owner.seal(queue)
    return this.#createBatch(queue, content)
  }

  #createBatch(queue: PartitionQueue, content: number): Batch {
    const { settings, host, generations } = this.#owner
    const now = host.now()
    const needed = Math.max(content + recordOverheadMax + 61, queue.lastCapacity)
    const buffer = this.pool.acquire(needed)
    const deadline = now + settings.deliveryTimeoutMs
    const generation = generations.current
    const batch = new Batch(queue, queue.nextOrdinal, buffer, now, deadline, generation)
    queue.open = batch
    generations.enter(generation)
    this.#owner.onBatchCreated(batch)
    return batch
  }

  /**
   * A record that waited is in the batch: its deadline and its flush() calls are the batch's now.
   */
  #moveIn(batch: Batch, waiting: WaitingRecord): void {
    const { settings } = this.#owner
    waiting.batch = batch
    // A batch that a flush trigger holds has no deadline yet.
    if (batch.deadline !== Number.POSITIVE_INFINITY) {
      batch.deadline = Math.min(batch.deadline, waiting.since + settings.deliveryTimeoutMs)
    }
    this.#hasten(batch, waiting.flushGeneration)
    this.#leaveWaiting(waiting)
  }

  /** The flush() calls from this generation on wait for it too. */
  #hasten(place: Place, flushGeneration: number): void {
    if (place.flushGeneration <= flushGeneration) return
    const { generations } = this.#owner
    generations.enter(flushGeneration)
    generations.leave(place.flushGeneration)
    place.flushGeneration = flushGeneration
    if (place instanceof Batch && place.queue.open === place) place.queue.releaseOpen = true
  }

  /** Lets in whoever waits for room, in order, while there is some. */
  #admit(): void {
    while (this.#line.length > 0 && this.#usedBytes < this.#windowBytes) {
      if (this.#turnIsOver()) return
      const first = this.#line.first!
      if (first instanceof WaitingRecord) {
        this.#turnRecords++
        this.#line.shift()
        first.leaveLine()
        this.#placeWaiting(first)
      } else {
        if (!first.advance()) return
        this.#leaveLine(this.#line.shift() as WaitingCaller)
      }
    }
  }

  #leaveLine(caller: WaitingCaller): void {
    this.#owner.generations.leave(caller.flushGeneration)
  }

  #placeWaiting(waiting: WaitingRecord): void {
    if (waiting.gone) return
    try {
      this.#place(waiting.draft, waiting.settle, waiting.tag, waiting)
    } catch (error) {
      const { topic } = waiting.draft
      this.failWaiting(waiting, asKafkaError(error, `topic ${topic}`, { topic }))
    }
  }

  /** The topic is known now, or has more partitions: its records go on, in order. */
  releasePending(topic: TopicState): void {
    if (topic.pending.length === 0) return
    for (const waiting of topic.pending.takeAll()) this.#placeWaiting(waiting)
  }

  /** Fails everything that waits for a topic. */
  failPending(topic: TopicState, makeError: (waiting: WaitingRecord) => KafkaError): void {
    for (const waiting of topic.pending.takeAll()) {
      if (!waiting.gone) this.failWaiting(waiting, makeError(waiting))
    }
  }

  /** Fails what has waited for too long; returns when to look again. */
  expireWaiting(now: number, makeError: (topic: TopicState | null) => KafkaError): number {
    const { maxBlockMs } = this.#owner.settings
    let next = this.#expire(this.#line, now, maxBlockMs, () => makeError(null))
    for (const topic of this.#topics.values()) {
      const most = this.#pendingMsMax(topic)
      next = Math.min(
        next,
        this.#expire(topic.pending, now, most, () => makeError(topic)),
      )
    }
    return next
  }

  /** Of a known topic only a partition can be missing: as bounded as a missing topic. */
  #pendingMsMax(topic: TopicState): number {
    const { maxBlockMs, unknownTopicTimeoutMs } = this.#owner.settings
    return topic.known ? Math.min(maxBlockMs, unknownTopicTimeoutMs) : maxBlockMs
  }

  #expire(
    line: WaitingLine<WaitingRecord> | WaitingLine<WaitingRecord | WaitingCaller>,
    now: number,
    maxBlockMs: number,
    makeError: () => KafkaError,
  ): number {
    const isOver = (entry: WaitingRecord | WaitingCaller): boolean =>
      (entry instanceof WaitingRecord && entry.gone) || now >= entry.since + maxBlockMs
    const { first } = line
    if (first === undefined) return Number.POSITIVE_INFINITY
    // Those behind the first one came in order; a batch that moves has waited for less than they
    // have.
    const start = isOver(first) ? 0 : 1
    for (const entry of line.takeWhile(start, isOver)) {
      if (!(entry instanceof WaitingRecord)) this.#failCaller(entry, makeError)
      else if (!entry.gone) this.failWaiting(entry, makeError())
    }
    const sinces = [line.at(0)?.since, line.at(1)?.since].filter((since) => since !== undefined)
    return Math.min(...sinces) + maxBlockMs
  }

  #failCaller(caller: WaitingCaller, makeError: () => KafkaError): void {
    caller.fail(makeError)
    this.#leaveLine(caller)
  }

  /** Fails everybody who waits for room or a topic. */
  failAllWaiting(makeError: () => KafkaError): void {
    for (const topic of this.#topics.values()) this.failPending(topic, makeError)
    for (const entry of this.#line.takeAll()) {
      if (!(entry instanceof WaitingRecord)) this.#failCaller(entry, makeError)
      else if (!entry.gone) this.failWaiting(entry, makeError())
    }
  }
}
