// One submit() call that can't be answered at once: there is no room, or the caller may give up.
// Its promise says whether the record was taken, its receiver what became of it: never both of a
// failure.

import type { Engine } from '../engine/engine.ts'
import {
  heldBytesOf,
  type ProducerRecord,
  type RecordMetadata,
  type Settle,
  type Settler,
} from '../engine/record.ts'
import { WaitingRecord } from '../engine/waiting-line.ts'
import type { KafkaError, Persisted } from '../protocol/kafka-error.ts'
import { givenUpError } from './given-up.ts'
import { Patience, type WaitClock, type WaitOptions } from './wait.ts'

const submissionBytes = 640

export class Submission implements Settler {
  readonly #engine: Engine
  readonly #record: ProducerRecord
  readonly #receiver: Settle
  readonly #resolve: (value: undefined) => void
  readonly #reject: (error: KafkaError) => void
  #patience: Patience | null = null
  #state: 'inLine' | 'taken' | 'over' = 'inLine'

  constructor(
    engine: Engine,
    record: ProducerRecord,
    receiver: Settle,
    resolve: (value: undefined) => void,
    reject: (error: KafkaError) => void,
  ) {
    this.#engine = engine
    this.#record = record
    this.#receiver = receiver
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Appends the record, or puts it in line. Throws where the record is wrong. */
  start(options: WaitOptions | undefined, clock: WaitClock): void {
    const place = this.#engine.append(this.#record, this)
    if (place instanceof WaitingRecord && place.inLine) place.onTurn = () => this.#take()
    else this.#take()
    if (options === undefined) return
    this.#patience = new Patience(options, clock, (why) => {
      const trouble = this.#engine.troubleOf(place)
      const makeError = (persisted: Persisted): KafkaError =>
        givenUpError(this.#record, options, why, persisted, trouble)
      if (this.#state === 'taken') this.#engine.giveUp(place, this, makeError)
      else this.#refuse(makeError(this.#engine.abandon(place, this)))
    })
  }

  #take(): void {
    this.#state = 'taken'
    this.#resolve(undefined)
  }

  #refuse(error: KafkaError): void {
    this.#state = 'over'
    this.#reject(error)
  }

  /** This, its promise and its limits (about), and what the receiver holds. */
  get heldBytes(): number {
    return submissionBytes + heldBytesOf(this.#receiver)
  }

  settled(_tag: number, error: KafkaError | null, metadata: RecordMetadata | null): void {
    if (this.#state === 'over') return
    this.#patience?.stop()
    if (this.#state === 'inLine') {
      this.#refuse(error!)
      return
    }
    this.#state = 'over'
    if (typeof this.#receiver === 'function') this.#receiver(error, metadata)
    else this.#receiver.settled(0, error, metadata)
  }
}
