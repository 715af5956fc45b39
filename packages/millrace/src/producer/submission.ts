// Owns one submit() call that cannot complete at once, because there is no space or it can be
// cancelled. Caller: Sending. Invariant: the promise reports whether the record was accepted, and
// the receiver its result; a failure is never reported to both.

import type { Engine, RecordHandle } from '../engine/engine.ts'
import {
  callSettle,
  type DeliveredRecord,
  heldBytesOf,
  type ProducerRecord,
  type Settle,
  type Settler,
} from '../engine/record.ts'
import type { KafkaError, Persisted } from '../protocol/kafka-error.ts'
import { cancelledError, topicForError } from './cancelled-record.ts'
import { CallLimits, type WaitClock, type WaitOptions } from './wait.ts'

const submissionBytes = 640

export class Submission implements Settler {
  readonly #engine: Engine
  readonly #receiver: Settle
  readonly #resolve: (value: undefined) => void
  readonly #reject: (error: KafkaError) => void
  #limits: CallLimits | null = null
  #state: 'waiting' | 'writing' | 'taken' | 'over' = 'waiting'

  constructor(
    engine: Engine,
    receiver: Settle,
    resolve: (value: undefined) => void,
    reject: (error: KafkaError) => void,
  ) {
    this.#engine = engine
    this.#receiver = receiver
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Appends the record, or lets it wait. Throws if the record is invalid. */
  start(record: ProducerRecord, options: WaitOptions | undefined, clock: WaitClock): void {
    if (options !== undefined) this.#limits = new CallLimits(options, clock)
    const handle = this.#append(record)
    const topic = topicForError(record)
    if (!this.#engine.notifyWhenTaken(handle, () => this.#take())) this.#take()
    this.#limits?.start((why) => {
      const blockingError = this.#engine.blockingError(handle)
      const makeError = (persisted: Persisted): KafkaError =>
        cancelledError(topic, options!, why, persisted, blockingError)
      if (this.#state !== 'waiting') this.#engine.cancelAndNotify(handle, this, makeError)
      else this.#refuse(makeError(this.#engine.cancel(handle, this)))
    })
  }

  #append(record: ProducerRecord): RecordHandle {
    try {
      return this.#engine.append(record, this)
    } catch (error) {
      this.#limits?.stop()
      throw error
    }
  }

  #take(): void {
    if (!this.#engine.hasSpool) {
      this.#state = 'taken'
      this.#resolve(undefined)
      return
    }
    this.#state = 'writing'
    // The record is appended after this call, and in this turn.
    Promise.resolve()
      .then(() => this.#engine.whenTaken())
      .then(
        () => {
          if (this.#state === 'writing') this.#state = 'taken'
          this.#resolve(undefined)
        },
        (error: KafkaError) => {
          if (this.#state === 'writing') this.#refuse(error)
        },
      )
  }

  #refuse(error: KafkaError): void {
    this.#state = 'over'
    this.#reject(error)
  }

  /** The approximate size of this object, its promise and its limits, and the receiver's size. */
  get heldBytes(): number {
    return submissionBytes + heldBytesOf(this.#receiver)
  }

  settled(_tag: number, error: KafkaError | null, delivered: DeliveredRecord | null): void {
    if (this.#state === 'over') return
    this.#limits?.stop()
    if (this.#state === 'waiting' || (this.#state === 'writing' && error !== null)) {
      this.#refuse(error!)
      return
    }
    this.#state = 'over'
    callSettle(this.#receiver, 0, error, delivered)
  }
}
