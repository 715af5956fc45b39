// The loop that reads the input and hands each record to the producer: no promise, string or object
// per record unless the format or the dead letters need one. It waits where the producer's buffer
// is full, where a rate was asked for, and for the dead letters' file. Every record that was read
// is counted in the tally as taken, and again if it failed; the producer counts the delivered ones.

import type { KafkaError, Producer, ProducerRecord } from 'millrace'
import type { Pace } from '../pace.ts'
import { type DeadLetterFile, deadLetterOf, deadLineOf, type Mishap } from './dead-letter.ts'
import type { Input } from './input.ts'
import { invalidRecordCode, LineError } from './line-error.ts'
import type { RecordFormat } from './record-format.ts'
import type { RecordSplitter } from './record-splitter.ts'
import type { Tally } from './tally.ts'

export interface SendingOptions {
  readonly producer: Producer
  readonly input: Input
  readonly splitter: RecordSplitter
  readonly format: RecordFormat
  readonly tally: Tally
  readonly deadLetters: DeadLetterFile | null
  readonly pace: Pace | null
  /** Records of the input to pass over, and to send at most. */
  readonly skip: number
  readonly limit: number
  readonly stopsOnError: boolean
  /** Aborts when no more is to be read. */
  readonly signal: AbortSignal
}

export class Sending {
  readonly #options: SendingOptions
  #bytesRead = 0
  /** Records of the input that were sent, refused or passed over. */
  #done = 0
  #isOver = false
  #reachedEnd = false

  constructor(options: SendingOptions) {
    this.#options = options
  }

  /** Up to the last record that was dealt with. */
  get bytesRead(): number {
    return this.#bytesRead + this.#options.splitter.consumedBytes
  }

  get done(): number {
    return this.#done
  }

  /** All of the input was read, or as much as was asked for. */
  get reachedEnd(): boolean {
    return this.#reachedEnd
  }

  /** Reads to the end; what was taken may not be settled then. */
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
    const { splitter, pace, skip } = this.#options
    for (let bytes = splitter.next(); bytes !== null; bytes = splitter.next()) {
      if (this.#done < skip) {
        this.#done++
        continue
      }
      // A function that waits costs a promise: only where there is something to wait for.
      if (pace !== null || !this.#offerBytes(bytes)) await this.#sendOne(bytes)
      if (this.#isOver) return
    }
  }

  async #sendOne(bytes: Uint8Array): Promise<void> {
    const { producer, pace, signal, skip } = this.#options
    if (this.#done < skip) {
      this.#done++
      return
    }
    if (pace !== null) await pace.turn(signal)
    while (!this.#mustStop() && !this.#offerBytes(bytes)) {
      // Rejects where we stop or the producer was destroyed: then nothing was taken.
      await producer.ready({ signal }).catch(() => this.#stop())
    }
  }

  /** False = there is no room now. */
  #offerBytes(bytes: Uint8Array): boolean {
    let record: ProducerRecord | null
    try {
      record = this.#options.format(bytes)
    } catch (error) {
      if (!(error instanceof LineError)) throw error
      this.#onRefused(bytes, error)
      return true
    }
    if (record !== null) {
      if (!this.#offer(record)) return false
      this.#countTaken()
    }
    this.#done++
    return true
  }

  /** One more record was sent, or refused. */
  #countTaken(): void {
    const { tally, limit } = this.#options
    tally.taken++
    if (tally.taken < limit) return
    this.#reachedEnd = true
    this.#stop()
  }

  #offer(record: ProducerRecord): boolean {
    const { producer, deadLetters } = this.#options
    try {
      // Nobody asks for its result, which is the fastest way: onError tells failures.
      if (deadLetters === null) return producer.enqueue(record)
      return this.#offerKept(record, deadLetters)
    } catch (error) {
      const line = this.#done + 1
      this.onFailed(error as KafkaError, line)
      deadLetters?.add(deadLetterOf(record, error as KafkaError, line))
      return true
    }
  }

  /** With dead letters, the record is kept until its fate is known. */
  #offerKept(record: ProducerRecord, deadLetters: DeadLetterFile): boolean {
    const kept = { ...record }
    const line = this.#done + 1
    return this.#options.producer.enqueue(record, (error) => {
      if (error === null) return
      this.onFailed(error, line)
      deadLetters.add(deadLetterOf(kept, error, line))
    })
  }

  /** A record was not delivered. */
  onFailed(error: KafkaError, line: number | null = null): void {
    const { tally, stopsOnError } = this.#options
    tally.fail(error, line)
    if (stopsOnError || error.kind === 'fatal' || error.code === 'CLOSED') this.#stop()
  }

  #onRefused(bytes: Uint8Array, { message }: LineError): void {
    const { tally, deadLetters, stopsOnError } = this.#options
    const line = ++this.#done
    const mishap: Mishap = { code: invalidRecordCode, message, persisted: 'no' }
    this.#countTaken()
    tally.fail(mishap, line)
    deadLetters?.add(deadLineOf(bytes, mishap, line))
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
