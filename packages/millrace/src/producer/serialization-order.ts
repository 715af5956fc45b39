// Owns the order of a topic's records when serializers return promises. A record is passed to the
// producer once it is serialized and all earlier records of its topic were passed. Topics do not
// wait for each other. Caller: typed topics. Invariant: the number of waiting records is limited.

import { KafkaError } from '../protocol/kafka-error.ts'
import { heapLimitBytes } from '../runtime/heap-limit.ts'
import { guarded } from './caller.ts'

/** The estimated heap size of a waiting record without its content: promises, closures. */
const bytesPerRecord = 2048

/** Records that wait for serializers use at most half of the heap. */
const waitingMaxOfHeap = (): number => Math.floor(heapLimitBytes() / 2 / bytesPerRecord)

export class SerializationOrder {
  /** By topic: settles when the last waiting record was passed to the producer. */
  readonly #last = new Map<string, Promise<unknown>>()
  readonly #waitingMax: number
  #waiting = 0

  constructor(waitingMax: number = waitingMaxOfHeap()) {
    this.#waitingMax = waitingMax
  }

  /** Whether records of the topic wait. */
  isWaiting(topic: string): boolean {
    return this.#last.has(topic)
  }

  /**
   * Calls `handOver` with the result of `made` after the earlier calls for the topic; resolves with
   * its return value. `made` must not reject. Rejects with BUFFER_FULL, without calling `handOver`,
   * if too many records would wait. While no record waits, any number is accepted.
   */
  inTurn<Made, Value>(
    topic: string,
    records: number,
    made: Promise<Made>,
    send: (made: Made) => Promise<Value>,
  ): Promise<Value> {
    if (this.#waiting + records > this.#waitingMax && this.#waiting > 0) {
      const waiting = this.#waiting + records
      const message = `Records that wait for serializers must be at most ${this.#waitingMax}`
      return guarded(
        Promise.reject(new KafkaError('BUFFER_FULL', `${message}, got ${waiting}`, { topic })),
      )
    }
    this.#waiting += records
    // The next record must wait until this one was passed to the producer, but not until it is
    // delivered. A promise returned from here would be awaited, so the result is wrapped in an
    // object.
    const passed = Promise.all([made, this.#last.get(topic)]).then(([content]) => {
      this.#waiting -= records
      return { result: send(content) }
    })
    const last: Promise<unknown> = passed.then(
      ({ result }) => {
        guarded(result)
        this.#release(topic, last)
      },
      () => this.#release(topic, last),
    )
    this.#last.set(topic, last)
    return guarded(passed.then(({ result }) => result))
  }

  #release(topic: string, own: Promise<unknown>): void {
    if (this.#last.get(topic) === own) this.#last.delete(topic)
  }
}
