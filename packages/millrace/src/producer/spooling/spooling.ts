// Owns the connection of a producer's spool and its engine (the port RecordSpool). It writes
// records to the log and passes them to the engine, numbers batches before they are sent, and
// settles them when they need no further attempt. Caller: ProducerSpool; loaded only with the
// option `spool`.
//
//   take ─▶ log ─▶ engine's batches ─▶ [numbers in the log] ─▶ broker ─▶ [settled in the log]
//     └─ more than the engine's memory takes ─▶ read back by SpoolFeeder
//
// Invariants: a request is sent when the numbers of its batches are durable. A broker recognizes
// the last five batches of a partition as duplicates, so the number of a sixth is written to the
// log after the entry that settles the first.

import type {
  BatchOutcome,
  PartitionQueue,
  ProduceInFlight,
  QueuedBatch,
  RecordEncoder,
  RecordFailure,
  RecordSpool,
} from '../../engine/engine.ts'
import type { RecordMetadata, Settle } from '../../engine/record.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import type { NumberedBatch } from '../../spool/entries.ts'
import { Spool, type SpoolMetrics } from '../../spool/spool.ts'
import { LeftoverRecords } from './leftover-records.ts'
import { RecoveredBatches } from './recovered-batches.ts'
import { SpoolFeeder } from './spool-feeder.ts'
import { resultBytes, SpooledResults } from './spooled-results.ts'
import type { SpoolEngine, SpoolingOptions } from './spooling-options.ts'

/** The number of a producer's batches that a broker remembers for each partition. */
const recognizedBatches = 5

/** The entries on disk of an unsettled batch. */
interface Numbers extends NumberedBatch {
  readonly recordCount: number
}

export class Spooling implements RecordSpool {
  readonly #spool: Spool
  readonly #engine: SpoolEngine
  readonly #options: SpoolingOptions
  readonly #results: SpooledResults
  readonly #feeder: SpoolFeeder
  readonly #recovered: RecoveredBatches
  readonly #resultsMax: number
  readonly #numbers = new Map<QueuedBatch, Numbers>()
  /** Batches of the partition that were sent and are not settled. */
  readonly #sent = new Map<PartitionQueue, number>()
  readonly #leftover: LeftoverRecords
  #taken: { readonly block: object; readonly promise: Promise<undefined> } | null = null
  /** The producer is closing: records that fail now stay in the spool. */
  #isLeaving = false
  #keptRecords = 0
  /** Records that failed, and stay until their dead letters are stored. */
  readonly #held = new Set<number>()

  private constructor(spool: Spool, engine: SpoolEngine, options: SpoolingOptions) {
    this.#spool = spool
    this.#engine = engine
    this.#options = options
    this.#results = new SpooledResults(options.onCallbackError)
    this.#leftover = new LeftoverRecords((id) => spool.isSettled(id))
    this.#resultsMax = Math.max(1, Math.floor(options.bufferMemoryBytes / resultBytes))
    const parts = { spool, engine, options, results: this.#results, held: this.#held }
    this.#feeder = new SpoolFeeder(parts)
    this.#recovered = new RecoveredBatches(parts, (batch, numbered) => this.#adopt(batch, numbered))
  }

  /** Opens the directory, and begins with the records of an earlier process. */
  static async open(engine: SpoolEngine, options: SpoolingOptions): Promise<Spooling> {
    let spooling: Spooling | null = null
    const spool = await Spool.open(options.settings, options.environment, {
      onProgress: () => engine.wake(),
      onFailed: (error) => {
        if (spooling !== null) spooling.#onFailed(error)
      },
      batchesOf: (recordIds) => (spooling === null ? null : spooling.batchesOf(recordIds)),
    })
    try {
      spooling = new Spooling(spool, engine, options)
      await spooling.#recovered.begin()
      spooling.#feeder.skip(spool.unfinished.flatMap(({ recordIds }) => recordIds))
      return spooling
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  // ── Records ────────────────────────────────────────────────────────────────────────────────────

  get hasSpace(): boolean {
    return this.#spool.hasSpace && this.#results.size < this.#resultsMax && !this.#isLeaving
  }

  take(encoder: RecordEncoder, settle: Settle | null, tag: number): void {
    const { error } = this.#spool
    if (error !== null) throw error
    const recordId = this.#spool.nextRecordId
    if (settle !== null) this.#results.add(recordId, settle, tag)
    // The engine first: then the numbers of its batch are written together with the record.
    const isGiven =
      this.#feeder.isCaughtUp &&
      this.#recovered.isDone &&
      this.#engine.intake.append(encoder, this.#results.settleOf(recordId), recordId)
    this.#spool.take(encoder.topic, encoder.partition, encoder.timestamp, encoder)
    if (isGiven) this.#spool.backlog.moveTo(recordId + 1)
  }

  /** Resolves when the accepted records are on disk. Those of one write share their promise. */
  whenTaken(): Promise<undefined> {
    const block = this.#spool.gathering
    if (this.#taken?.block === block) return this.#taken.promise
    const promise = new Promise<undefined>((resolve, reject) => {
      this.#spool.whenWritten((error) => {
        if (error === null) resolve(undefined)
        else reject(maybeOnDisk(error))
      })
    })
    promise.catch(() => {})
    this.#taken = block.isEmpty ? null : { block, promise }
    return promise
  }

  feed(): void {
    if (this.#recovered.isDone) this.#feeder.feed()
  }

  // ── Batches ────────────────────────────────────────────────────────────────────────────────────

  admits(queue: PartitionQueue, batch: QueuedBatch | null): boolean {
    if (this.#isLeaving) return false
    if (batch !== null && this.#numbers.has(batch)) return true
    return (this.#sent.get(queue) ?? 0) < recognizedBatches
  }

  /** Whether the current number of the batch is in the log. */
  #isNumbered(batch: QueuedBatch): boolean {
    const numbers = this.#numbers.get(batch)
    return (
      numbers !== undefined &&
      numbers.producerId === batch.producerId &&
      numbers.epoch === batch.epoch &&
      numbers.baseSequence === batch.baseSequence &&
      numbers.recordCount === batch.recordCount
    )
  }

  send(request: ProduceInFlight): void {
    let isDurable = true
    for (const batch of request.batches) {
      if (this.#isNumbered(batch)) continue
      this.#number(batch)
      isDurable = false
    }
    if (isDurable) {
      request.link.produce(request)
      return
    }
    this.#spool.whenWritten((error) => {
      if (error === null) request.link.produce(request)
      else request.onFailure(error, false)
    })
  }

  #number(batch: QueuedBatch): void {
    const { producerId, epoch, baseSequence, recordCount, queue } = batch
    const recordIds = idsOf(batch)
    const numbers = { producerId, epoch, baseSequence, recordIds }
    const partition = { topic: queue.topic.name, partition: queue.partition }
    const batchId = this.#spool.number({ ...numbers, ...partition })
    const before = this.#numbers.get(batch)
    if (before === undefined) this.#sent.set(queue, (this.#sent.get(queue) ?? 0) + 1)
    else this.#leftover.add(before.recordIds)
    this.#leftover.delete(recordIds)
    const time = this.#options.environment.clock.wallTime()
    this.#numbers.set(batch, { ...numbers, ...partition, batchId, time, recordCount })
  }

  /** The engine has a batch of an earlier process: its numbers are on disk already. */
  #adopt(batch: QueuedBatch, numbered: NumberedBatch): void {
    if (numbered.baseSequence < 0) {
      this.#leftover.add(numbered.recordIds)
      return
    }
    const { queue, recordCount } = batch
    this.#sent.set(queue, (this.#sent.get(queue) ?? 0) + 1)
    this.#numbers.set(batch, { ...numbered, recordCount })
  }

  onBatchSettled({ batch, error }: BatchOutcome): void {
    const numbers = this.#numbers.get(batch)
    this.#numbers.delete(batch)
    const recordIds = idsOf(batch)
    if (this.#isLeaving && error !== null) {
      this.#keptRecords += recordIds.length
      return
    }
    const isAsNumbered = numbers !== undefined && numbers.recordCount === recordIds.length
    if (isAsNumbered && error === null) this.#spool.settle(numbers.batchId, recordIds)
    else {
      const dropped = this.#withoutHeld(recordIds)
      this.#spool.drop(dropped)
      if (numbers !== undefined) this.#leftover.add(numbers.recordIds)
      this.#leftover.delete(dropped)
    }
    if (numbers !== undefined) this.#leave(batch.queue)
  }

  /** The broker has one batch less of the partition to recognize. */
  #leave(queue: PartitionQueue): void {
    const left = (this.#sent.get(queue) ?? 0) - 1
    if (left > 0) this.#sent.set(queue, left)
    else this.#sent.delete(queue)
    this.#engine.offer(queue)
  }

  /** Records that never waited in the spool have another settle. */
  onRecordFailed({ settle, tag }: RecordFailure): void {
    if (settle !== null && settle !== this.#results) return
    if (this.#isLeaving) this.#keptRecords++
    else this.#spool.drop(this.#withoutHeld([tag]))
  }

  /**
   * Null if the log contains a record as the rest of a rejected batch: entries of other records say
   * so, and they cannot be copied.
   */
  batchesOf(recordIds: ReadonlySet<number>): NumberedBatch[] | null {
    if (!this.#recovered.isDone || this.#isLeaving) return null
    if (this.#leftover.hasAnyOf(recordIds)) return null
    const found: NumberedBatch[] = []
    for (const [batch, numbers] of this.#numbers) {
      if (!numbers.recordIds.some((id) => recordIds.has(id))) continue
      if (numbers.recordCount !== batch.recordCount) return null
      found.push(numbers)
    }
    return found
  }

  #withoutHeld(recordIds: readonly number[]): readonly number[] {
    return this.#held.size === 0 ? recordIds : recordIds.filter((id) => !this.#held.has(id))
  }

  /**
   * Keeps a failed record until its dead letter is stored; false = the spool does not contain it.
   */
  hold(settle: Settle | null, tag: number): boolean {
    if (settle !== null && settle !== this.#results) return false
    this.#held.add(tag)
    return true
  }

  /** False = the record stays in the spool. */
  release(tag: number, isStored: boolean): boolean {
    this.#held.delete(tag)
    const isKept = this.#isLeaving && !isStored
    if (isKept) this.#keptRecords++
    else this.#spool.drop([tag])
    return !isKept
  }

  waitsFor(topic: string): boolean {
    return this.#recovered.waitsFor(topic)
  }

  onTopic(topic: string): void {
    this.#recovered.onTopic(topic)
  }

  onTopicFailed(topic: string, error: KafkaError): void {
    this.#recovered.onTopicFailed(topic, error)
  }

  // ── The producer's calls ───────────────────────────────────────────────────────────────────────

  /** Calls back when every accepted record is settled, or stays in the spool. */
  flush(done: () => void): void {
    if (this.#isLeaving) this.#engine.flush(done)
    else this.#feeder.whenGiven(this.#spool.nextRecordId, () => this.#engine.flush(done))
  }

  metrics(): SpoolMetrics {
    return this.#spool.metrics()
  }

  get isDiskFull(): boolean {
    return this.#spool.isDiskFull
  }

  /** The number of failed records that are still in the spool. */
  get keptRecords(): number {
    return this.#keptRecords
  }

  /** From now on no record is sent or removed: failed records stay for the next process. */
  leave(): void {
    this.#isLeaving = true
    this.#results.leave()
    this.#feeder.stop()
  }

  /** Fails the callers whose records are on disk only. */
  failCallers(error: KafkaError): void {
    this.#results.failAll(error)
  }

  async close(): Promise<void> {
    this.leave()
    await this.#feeder.idle()
    await this.#spool.close()
  }

  #onFailed(error: KafkaError): void {
    this.leave()
    this.#options.onFailed(error)
    this.#results.failAll(maybeOnDisk(error))
  }
}

/** The spool has failed: a record that was not reported as accepted may be on disk nevertheless. */
const maybeOnDisk = (error: KafkaError): KafkaError =>
  new KafkaError(error.code, error.message, { persisted: 'maybe', cause: error.cause })

const idsOf = (batch: QueuedBatch): number[] => {
  const ids: number[] = new Array(batch.recordCount)
  for (let index = 0; index < ids.length; index++) ids[index] = batch.tagOf(index)
  return ids
}

/** The first argument of `spool.onRecovered` for a record of an earlier process. */
export type RecoveredResult = RecordMetadata | KafkaError
