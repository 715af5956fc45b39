// Owns the spool of a producer and its state: opening → open → closed, or failed. It loads the code
// of the spool, which a producer without the option never does, and forwards all calls to it. While
// the spool is opening, records wait as they do for buffer space. Callers: Producer, and the engine
// through its port. Invariant: after `failed` no record is accepted.

import type {
  BatchOutcome,
  DeadLetterPort,
  Engine,
  PartitionQueue,
  ProduceInFlight,
  QueuedBatch,
  RecordEncoder,
  RecordFailure,
  RecordSpool,
} from '../engine/engine.ts'
import type { Settle } from '../engine/record.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { SpoolMetrics } from '../spool/spool.ts'
import type { ProducerEnvironment, SpoolMachine } from './environment.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { ResolvedOptions } from './options.ts'
import type { ResolvedSpool } from './spool-option.ts'
import type { SpoolStatus } from './spool-views.ts'
import type { Spooling } from './spooling/spooling.ts'
import { type WaitClock, type WaitOptions, waitFor } from './wait.ts'

export interface ProducerSpoolParts {
  readonly option: ResolvedSpool
  readonly clock: Clock
  readonly logger: Logger
  /** Null = those of the system. */
  readonly machine: SpoolMachine | null
  readonly bufferMemoryBytes: number
  readonly onCallbackError: (thrown: unknown) => void
  readonly onUnobservedFailure: (error: KafkaError) => void
  /** Null without the option deadLetter. */
  readonly deadLetters: DeadLetterPort | null
  /** It could not be opened, or has failed: the producer cannot continue. */
  readonly onFailed: (error: KafkaError) => void
}

const emptyMetrics: SpoolMetrics = {
  bytes: 0,
  records: 0,
  oldestMs: 0,
  recoveredRecords: 0,
  takenRecords: 0,
}

export class ProducerSpool implements RecordSpool {
  readonly #parts: ProducerSpoolParts
  #spooling: Spooling | null = null
  #opening: Promise<void> = Promise.resolve()
  #error: KafkaError | null = null
  #isClosed = false

  constructor(parts: ProducerSpoolParts) {
    this.#parts = parts
  }

  /** Null without the option. */
  static of(
    { spool: option, logger, engine }: ResolvedOptions,
    { clock, spoolMachine }: ProducerEnvironment,
    failures: FailureReporter,
    deadLetters: DeadLetterPort | null,
    onFailed: (error: KafkaError) => void,
  ): ProducerSpool | null {
    if (option === null) return null
    return new ProducerSpool({
      option,
      clock,
      logger,
      machine: spoolMachine ?? null,
      bufferMemoryBytes: engine.bufferMemoryBytes,
      onCallbackError: (thrown) => failures.callbackFailed(thrown),
      onUnobservedFailure: (error) => failures.report(error),
      deadLetters,
      onFailed: (error) => {
        failures.report(error)
        onFailed(error)
      },
    })
  }

  /** Opens the directory, and begins to send its records. */
  open(engine: Engine): void {
    this.#opening = this.#open(engine).then(
      (spooling) => {
        this.#spooling = spooling
        if (this.#isClosed) spooling.leave()
        engine.wake()
      },
      (error) => this.#fail(asKafkaError(error, 'The spool could not be opened')),
    )
  }

  async #open(engine: Engine): Promise<Spooling> {
    const { option, clock, logger, machine, ...rest } = this.#parts
    const { openSpooling, systemMachine } = await import('./spooling/open-spooling.ts')
    const environment = { ...(machine ?? systemMachine), clock, logger }
    return openSpooling(engine, option, environment, {
      ...rest,
      onFailed: (error) => this.#fail(error),
    })
  }

  #fail(error: KafkaError): void {
    if (this.#error !== null) return
    this.#error = error
    this.#parts.onFailed(error)
  }

  /** Why it cannot be used; null = it can. */
  get error(): KafkaError | null {
    return this.#error
  }

  // ── The engine's port ──────────────────────────────────────────────────────────────────────────

  get hasSpace(): boolean {
    return this.#spooling?.hasSpace ?? false
  }

  take(encoder: RecordEncoder, settle: Settle | null, tag: number): void {
    this.#spooling!.take(encoder, settle, tag)
  }

  whenTaken(): Promise<undefined> {
    return this.#spooling!.whenTaken()
  }

  feed(): void {
    this.#spooling?.feed()
  }

  admits(queue: PartitionQueue, batch: QueuedBatch | null): boolean {
    return this.#error === null && this.#spooling!.admits(queue, batch)
  }

  send(request: ProduceInFlight): void {
    this.#spooling!.send(request)
  }

  onBatchSettled(outcome: BatchOutcome): void {
    this.#spooling!.onBatchSettled(outcome)
  }

  onRecordFailed(failure: RecordFailure): void {
    this.#spooling?.onRecordFailed(failure)
  }

  waitsFor(topic: string): boolean {
    return this.#spooling?.waitsFor(topic) === true
  }

  onTopic(topic: string): void {
    this.#spooling?.onTopic(topic)
  }

  onTopicFailed(topic: string, error: KafkaError): void {
    this.#spooling?.onTopicFailed(topic, error)
  }

  /**
   * Keeps a failed record until its dead letter is stored; false = the spool does not contain it.
   */
  hold(settle: Settle | null, tag: number): boolean {
    return this.#spooling?.hold(settle, tag) === true
  }

  /** False = the record stays in the spool. */
  release(tag: number, isStored: boolean): boolean {
    return this.#spooling!.release(tag, isStored)
  }

  // ── The producer's calls ───────────────────────────────────────────────────────────────────────

  /** Calls back when all accepted records are settled; at once if the spool has failed. */
  flush(done: () => void): void {
    this.#opening.then(() => {
      if (this.#spooling === null || this.#error !== null) done()
      else this.#spooling.flush(done)
    })
  }

  /** Resolves when the accepted records are on disk; rejects if they cannot be written. */
  async written(): Promise<void> {
    await this.#opening
    if (this.#error !== null) throw this.#error
    await this.#spooling!.whenTaken()
  }

  metrics(): SpoolMetrics {
    return this.#spooling?.metrics() ?? emptyMetrics
  }

  status(): SpoolStatus {
    const { bytes, records, oldestMs } = this.metrics()
    const { maxBytes } = this.#parts.option
    const isDiskFull = this.#spooling?.isDiskFull ?? false
    return { bytes, maxBytes, records, oldestMs: records === 0 ? null : oldestMs, isDiskFull }
  }

  /** True if a record would be accepted now, or after the directory is open. */
  get takesRecords(): boolean {
    return this.#error === null && (this.#spooling?.hasSpace ?? true)
  }

  get isLeaving(): boolean {
    return this.#isClosed
  }

  /** True if records that fail now stay in the spool, so that their failures are not reported. */
  get keepsFailures(): boolean {
    return this.#isClosed || this.#error !== null
  }

  /** The number of failed records that are still in the spool and do not count as failures. */
  get keptRecords(): number {
    return this.#spooling?.keptRecords ?? 0
  }

  /** Records that fail from now on stay in the spool. */
  leave(): void {
    this.#isClosed = true
    this.#spooling?.leave()
  }

  /** Fails the callers of records that are on disk only. */
  failCallers(error: KafkaError): void {
    this.#spooling?.failCallers(error)
  }

  /** Writes the remaining entries, and releases the directory. */
  async close(): Promise<void> {
    this.leave()
    await this.#opening
    await this.#spooling?.close()
  }
}

/** The result of the producer's flushSpool(); `spool` is null without the option. */
export const flushSpool = (
  spool: ProducerSpool | null,
  options: WaitOptions | undefined,
  waitClock: WaitClock,
): Promise<void> =>
  waitFor<void>('flushSpool', options, waitClock, (resolve, reject) => {
    if (spool === null)
      throw new KafkaError('INVALID_STATE', 'flushSpool requires the option spool')
    spool.written().then(resolve, reject)
    return () => {}
  })
