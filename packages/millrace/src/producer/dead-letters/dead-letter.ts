// Owns one record that is being stored as a dead letter. It waits for the target's result, and then
// settles the record with its error. Callers: DeadLetters creates it; targets call `settled` or
// `end`. Invariant: it ends once.

import type { FailedRecord } from '../../engine/engine.ts'
import type { Settle, Settler } from '../../engine/record.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'

/** Counts of the records that failed after all retries. */
export interface DeadLetterMetrics {
  /** Dead letters that the target has stored. */
  readonly stored: number
  /** Records that could not be stored as dead letters; each was reported. */
  readonly failed: number
  /** Records that are being stored as dead letters. */
  readonly pending: number
}

export interface DeadLetterOwner {
  /** `cause` is why it could not be stored; null = it is stored. Called once. */
  onEnded(letter: DeadLetter, cause: unknown): void
}

export class DeadLetter implements Settler {
  /** The approximate size of this object and the error that it creates. */
  readonly heldBytes = 240
  readonly number: number
  /** Why the record failed. */
  readonly error: KafkaError
  /** The settle that the record was appended with. */
  readonly settle: Settle | null
  readonly tag: number
  /** The record stays in the spool until its dead letter is stored. */
  readonly isHeld: boolean
  readonly #owner: DeadLetterOwner
  #isEnded = false

  constructor(
    owner: DeadLetterOwner,
    number: number,
    error: KafkaError,
    settle: Settle | null,
    tag: number,
    isHeld: boolean,
  ) {
    this.#owner = owner
    this.number = number
    this.error = error
    this.settle = settle
    this.tag = tag
    this.isHeld = isHeld
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** The settle of the dead letter's record, if the target is a topic. */
  settled(_tag: number, error: KafkaError | null): void {
    this.end(error)
  }

  /** The target has finished; null = the dead letter is stored. Later calls have no effect. */
  end(cause: unknown): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#owner.onEnded(this, cause)
  }
}

/** A target of dead letters. */
export interface DeadLetterTarget {
  /** Dead letters are records of the producer itself: with a spool they are part of it. */
  readonly isTopic: boolean
  /** The target has no time limit, so the end of the producer does not wait for it. */
  readonly isUnbounded: boolean
  /** Whether records of this topic are dead letters themselves. */
  isTarget(topic: string): boolean
  /** Stores the record, and ends the dead letter once. An error that it throws ends it too. */
  store(record: FailedRecord, letter: DeadLetter): void
  /** Resolves when nothing is being written. */
  close(): Promise<void>
}
