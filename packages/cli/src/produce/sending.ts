// The loop of `produce` that reads the input and passes each record to the producer. It creates no
// promise, string, or object per record unless the format or the dead letters need one. It waits
// for buffer space, for the rate limit, and for the dead letters' file. Every record read must be
// counted, and again if it fails. Caller: produce-command.ts.

import type { KafkaError, Producer, ProducerRecord } from 'millrace'
import type { ThroughputThrottler } from '../throughput-throttler.ts'
import {
  type DeadLetterFile,
  deadLetterOf,
  type FailureDetails,
  unreadableLetterOf,
} from './dead-letter.ts'
import type { Input } from './input.ts'
import { invalidRecordCode, LineError } from './line-error.ts'
import type { LoadProgress } from './load-progress.ts'
import type { RecordCounts } from './record-counts.ts'
import type { RecordFormat } from './record-format.ts'
import type { RecordSplitter } from './record-splitter.ts'

export interface SendingOptions {
  readonly producer: Producer
  readonly input: Input
  readonly splitter: RecordSplitter
  readonly format: RecordFormat
  readonly counts: RecordCounts
  readonly deadLetters: DeadLetterFile | null
  readonly throttler: ThroughputThrottler | null
  /** The number of input records to skip, and the largest number to send. */
  readonly skip: number
  readonly limit: number
  /** With a spool: records that earlier runs passed to the spool are skipped. */
  readonly progress: LoadProgress | null
  readonly stopsOnError: boolean
  /** Aborts when reading must stop. */
  readonly signal: AbortSignal
}

export class Sending {
  readonly #options: SendingOptions
  #bytesRead = 0
  /** Records of the input that were sent, rejected or skipped. */
  #done = 0
  /** Records that earlier runs passed to the spool and this run has not read yet. */
  #toResume: number
  /** Records that count toward the limit. */
  #counted = 0
  #isOver = false
  #reachedEnd = false

  constructor(options: SendingOptions) {
    this.#options = options
    this.#toResume = options.progress?.taken ?? 0
  }

  /** Bytes of the input up to the end of the last record that was sent, rejected or skipped. */
  get bytesRead(): number {
    return this.#bytesRead + this.#options.splitter.consumedBytes
  }

  get done(): number {
    return this.#done
  }

  /** Whether the input was read to its end or to the record limit. */
  get reachedEnd(): boolean {
    return this.#reachedEnd
  }

  /** Reads to the end of the input. Records may still be in flight when it resolves. */
  async run(): Promise<void> {
    const { input, splitter, deadLetters } = this.#options
    while (!this.#mustStop()) {
      const chunk = await input.read()
      if (chunk === null) break
      splitter.feed(chunk)
      await this.#sendChunk()
      if (this.#isOver) break
      this.#bytesRead += chunk.length
      if (deadLetters !== null) await deadLetters.ready()
    }
    if (this.#mustStop()) return
    const last = splitter.end()
    if (last !== null) await this.#sendOne(last)
    this.#reachedEnd ||= !this.#mustStop()
  }

  async #sendChunk(): Promise<void> {
    const { splitter, throttler, skip } = this.#options
    for (let bytes = splitter.next(); bytes !== null; bytes = splitter.next()) {
      if (this.#done < skip) {
        this.#done++
        continue
      }
      // An awaited call costs a promise: only call it if there is something to wait for.
      if (throttler !== null || !this.#offerBytes(bytes)) await this.#sendOne(bytes)
      if (this.#isOver) return
    }
  }

  async #sendOne(bytes: Uint8Array): Promise<void> {
    const { producer, throttler, signal, skip } = this.#options
    if (this.#done < skip) {
      this.#done++
      return
    }
    if (throttler !== null && this.#toResume === 0) await throttler.throttle(signal)
    while (!this.#mustStop() && !this.#offerBytes(bytes)) {
      // ready() rejects if the signal aborts or the producer is destroyed; the record was not
      // accepted.
      await producer.ready({ signal }).catch(() => this.#stop())
    }
  }

  /** Returns false if the producer's buffer is full: offer the record again later. */
  #offerBytes(bytes: Uint8Array): boolean {
    let record: ProducerRecord | null
    try {
      record = this.#options.format(bytes)
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      if (this.#toResume === 0) this.#onRejected(bytes, error)
      else {
        this.#done++
        this.#countOne()
      }
      return true
    }
    if (this.#toResume > 0) {
      if (record !== null) {
        if (!this.#options.progress!.isRejected(this.#done + 1)) this.#toResume--
        this.#countOne()
      }
    } else if (record !== null) {
      if (!this.#offer(record)) return false
      this.#countTaken()
    }
    this.#done++
    return true
  }

  /** Counts a record that was sent or rejected. */
  #countTaken(): void {
    this.#options.counts.taken++
    this.#countOne()
  }

  /** Counts a record of this run or of an earlier run. */
  #countOne(): void {
    if (++this.#counted < this.#options.limit) return
    this.#reachedEnd = true
    this.#stop()
  }

  #offer(record: ProducerRecord): boolean {
    const { producer, deadLetters, progress } = this.#options
    try {
      // No result is requested, which is fastest: onError gets failures.
      if (deadLetters === null) return producer.enqueue(record)
      return this.#offerRecord(record, deadLetters)
    } catch (error) {
      const line = this.#done + 1
      // A fatal error concerns the producer, not this record.
      if ((error as KafkaError).kind !== 'fatal') progress?.addRejected(line)
      this.onFailed(error as KafkaError, line)
      deadLetters?.add(deadLetterOf(record, error as KafkaError, line))
      return true
    }
  }

  /** With dead letters, the record is copied and kept until its result is known. */
  #offerRecord(record: ProducerRecord, deadLetters: DeadLetterFile): boolean {
    const kept = { ...record }
    const line = this.#done + 1
    return this.#options.producer.enqueue(record, (error) => {
      if (error === null) return
      this.onFailed(error, line)
      deadLetters.add(deadLetterOf(kept, error, line))
    })
  }

  /** Counts a record that was not delivered. */
  onFailed(error: KafkaError, line: number | null = null): void {
    const { counts, stopsOnError } = this.#options
    counts.fail(error, line)
    if (
      stopsOnError ||
      error.kind === 'fatal' ||
      error.kind === 'refused' ||
      error.code === 'CLOSED'
    )
      this.#stop()
  }

  #onRejected(bytes: Uint8Array, { message }: LineError): void {
    const { counts, deadLetters, stopsOnError } = this.#options
    const line = ++this.#done
    const failure: FailureDetails = { code: invalidRecordCode, message, persisted: 'no' }
    this.#countTaken()
    counts.fail(failure, line)
    deadLetters?.add(unreadableLetterOf(bytes, failure, line))
    if (stopsOnError) this.#stop()
  }

  #stop(): void {
    this.#isOver = true
  }

  #mustStop(): boolean {
    const { signal, deadLetters } = this.#options
    if (signal.aborted || (deadLetters !== null && deadLetters.error !== null)) this.#stop()
    return this.#isOver
  }
}
