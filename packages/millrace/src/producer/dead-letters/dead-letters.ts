// Owns the dead letters of a producer. Records that were accepted and failed are stored in a topic,
// a file or a function, and then settle with an error that says so. Each record is delivered,
// dead-lettered, or its failure is reported, and only one of these. Caller: Producer.
//
// With a spool and a topic, the dead letter and the end of the record are one write of the log.
// With a file or a function the record stays in the spool until the target has stored it, so a
// crash in between repeats the dead letter and loses none. Invariant: a record of the dead-letter
// topic never becomes a dead letter itself.

import type { DeadLetterPort, Engine, FailedRecord } from '../../engine/engine.ts'
import { callSettle, type Settle } from '../../engine/record.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import type { FileSystem } from '../../runtime/file-system.ts'
import { isPromise, messageOf } from '../../runtime/value-kinds.ts'
import type { DeadLetterOption } from '../dead-letter-option.ts'
import type { FailureReporter } from '../failure-reporter.ts'
import type { ResolvedOptions } from '../options.ts'
import {
  DeadLetter,
  type DeadLetterMetrics,
  type DeadLetterOwner,
  type DeadLetterTarget,
} from './dead-letter.ts'
import { FileTarget } from './file-target.ts'
import { FunctionTarget } from './function-target.ts'
import { PendingBytes } from './pending-bytes.ts'
import { TopicTarget } from './topic-target.ts'

/** The spool, as far as dead letters are concerned. */
export interface DeadLetterSpool {
  /** The producer closes the spool: records that fail now stay in it. */
  readonly isLeaving: boolean
  /** Keeps a failed record in the spool; false = the spool does not contain it. */
  hold(settle: Settle | null, tag: number): boolean
  /**
   * The dead letter of the record was stored, or could not be stored. False = the record stays in
   * the spool for the next process.
   */
  release(tag: number, isStored: boolean): boolean
}

export interface DeadLetterParts {
  readonly option: DeadLetterOption
  /** Limit of the bytes that wait for a file or a function. */
  readonly pendingBytesMax: number
  readonly isSynced: boolean
  readonly files: () => Promise<FileSystem>
  readonly failures: FailureReporter
}

const machineFiles = async (): Promise<FileSystem> =>
  (await import('../../runtime/node-file-system.ts')).nodeFileSystem

export class DeadLetters implements DeadLetterPort, DeadLetterOwner {
  readonly #parts: DeadLetterParts
  #target: DeadLetterTarget | null = null
  #engine: Engine | null = null
  #spool: DeadLetterSpool | null = null
  /** Dead letters, oldest first. */
  readonly #pending = new Set<DeadLetter>()
  readonly #waiters: { readonly number: number; readonly done: () => void }[] = []
  #next = 0
  #stored = 0
  #failed = 0
  /**
   * The error of a dead-lettered record, by its original error, which the records of a batch share.
   */
  readonly #marked = new WeakMap<KafkaError, KafkaError>()

  constructor(parts: DeadLetterParts) {
    this.#parts = parts
  }

  /** Null without the option. */
  static of(
    { deadLetter: option, spool, engine }: ResolvedOptions,
    { spoolMachine }: { readonly spoolMachine?: { readonly files: FileSystem } },
    failures: FailureReporter,
  ): DeadLetters | null {
    if (option === null) return null
    return new DeadLetters({
      option,
      pendingBytesMax: engine.bufferMemoryBytes,
      isSynced: spool?.durability === 'machine',
      files: spoolMachine === undefined ? machineFiles : async () => spoolMachine.files,
      failures,
    })
  }

  /** Called once, before the engine accepts records. */
  start(engine: Engine, spool: DeadLetterSpool | null): void {
    this.#engine = engine
    this.#spool = spool
    const { option, pendingBytesMax, files, isSynced } = this.#parts
    const pending = new PendingBytes(pendingBytesMax)
    if (typeof option === 'function') this.#target = new FunctionTarget(option, pending)
    else if ('topic' in option) this.#target = new TopicTarget(option.topic, engine)
    else this.#target = new FileTarget({ path: option.file, files, isSynced, pending })
  }

  // ── The engine's port ──────────────────────────────────────────────────────────────────────────

  wants(topic: string, { kind, code }: KafkaError): boolean {
    // The caller or the producer ended the record, so its error says nothing about the record.
    if (kind === 'aborted' || kind === 'fatal' || code === 'CLOSED') return false
    return this.#spool?.isLeaving !== true && !this.#target!.isTarget(topic)
  }

  take(record: FailedRecord, error: KafkaError, settle: Settle | null, tag: number): void {
    const target = this.#target!
    const isHeld = !target.isTopic && this.#spool?.hold(settle, tag) === true
    const letter = new DeadLetter(this, this.#next++, error, settle, tag, isHeld)
    this.#pending.add(letter)
    try {
      target.store(record, letter)
    } catch (thrown) {
      letter.end(thrown ?? 'nothing')
    }
  }

  // ── Results ────────────────────────────────────────────────────────────────────────────────────

  onEnded(letter: DeadLetter, cause: unknown): void {
    this.#pending.delete(letter)
    const { error, isHeld, tag, settle } = letter
    const isGone = !isHeld || this.#spool!.release(tag, cause === null)
    // The next process sends a dead letter that is in the spool.
    const isSpooled = this.#target!.isTopic && this.#spool?.isLeaving === true
    if (cause === null || isSpooled) {
      this.#stored++
      this.#settle(letter, this.#markedOf(error))
    } else if (isGone || settle !== null) {
      this.#failed++
      this.#settle(letter, notStored(error, cause))
    }
    this.#notify()
  }

  #markedOf(error: KafkaError): KafkaError {
    let marked = this.#marked.get(error)
    if (marked === undefined) {
      marked = new KafkaError(error.code, error.message, {
        ...error,
        ...causeOf(error),
        isDeadLettered: true,
      })
      this.#marked.set(error, marked)
    }
    return marked
  }

  #settle({ settle, tag }: DeadLetter, error: KafkaError): void {
    const { failures } = this.#parts
    if (settle === null) {
      failures.report(error)
      return
    }
    try {
      const result = callSettle(settle, tag, error, null)
      if (isPromise(result)) result.catch((thrown) => failures.callbackFailed(thrown))
    } catch (thrown) {
      failures.callbackFailed(thrown)
    }
  }

  // ── The producer's calls ───────────────────────────────────────────────────────────────────────

  metrics(): DeadLetterMetrics {
    return { stored: this.#stored, failed: this.#failed, pending: this.#pending.size }
  }

  /** Calls back when the target has stored, or rejected, all dead letters so far. */
  flush(done: () => void): void {
    if (this.#pending.size === 0) {
      done()
      return
    }
    this.#waiters.push({ number: this.#next, done })
    // Dead letters of a topic are records, and no batch lingers for them.
    this.#engine!.flush(() => {})
  }

  #notify(): void {
    const [oldest] = this.#pending
    while (this.#waiters.length > 0) {
      const { number, done } = this.#waiters[0]!
      if (oldest !== undefined && oldest.number < number) return
      this.#waiters.shift()
      done()
    }
  }

  /** The producer ends now: it no longer waits for a function that has not returned. */
  failPending(error: KafkaError): void {
    if (!this.#target!.isUnbounded) return
    for (const letter of [...this.#pending]) letter.end(error)
  }

  /** Resolves when nothing is being written. */
  async close(): Promise<void> {
    await this.#target!.close()
  }
}

const causeOf = (error: KafkaError): { cause?: unknown } =>
  error.cause === undefined ? {} : { cause: error.cause }

/** The error if the record and its dead letter have failed. */
const notStored = (error: KafkaError, cause: unknown): KafkaError => {
  const why = messageOf(cause)
  const message = `${error.message}; its dead letter could not be stored: ${why}`
  return new KafkaError(error.code, message, { ...error, cause })
}
