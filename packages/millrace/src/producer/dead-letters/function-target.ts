// Owns the calls of the user's dead-letter function, which may be async. Caller: DeadLetters.
// Invariant: the pending bytes of a record are released when the function has finished.

import type { FailedRecord } from '../../engine/engine.ts'
import type { ProducerRecord } from '../../engine/record.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import { isPromise } from '../../runtime/value-kinds.ts'
import { decodeRecord } from '../decoded-record.ts'
import type { DeadLetter, DeadLetterTarget } from './dead-letter.ts'
import type { PendingBytes } from './pending-bytes.ts'

export type DeadLetterFunction = (record: ProducerRecord, error: KafkaError) => unknown

export class FunctionTarget implements DeadLetterTarget {
  readonly isTopic = false
  readonly isUnbounded = true
  readonly #call: DeadLetterFunction
  readonly #pending: PendingBytes

  constructor(call: DeadLetterFunction, pending: PendingBytes) {
    this.#call = call
    this.#pending = pending
  }

  isTarget(): boolean {
    return false
  }

  store(record: FailedRecord, letter: DeadLetter): void {
    const content = Buffer.from(record.content)
    const decoded = decodeRecord({ ...record, content }, 'dead letter', record.topic)
    this.#pending.take(content.length)
    const end = (cause: unknown): void => {
      this.#pending.release(content.length)
      letter.end(cause)
    }
    try {
      const result = this.#call(decoded, letter.error)
      if (isPromise(result))
        result.then(
          () => end(null),
          (thrown) => end(thrown ?? 'nothing'),
        )
      else end(null)
    } catch (thrown) {
      end(thrown ?? 'nothing')
    }
  }

  async close(): Promise<void> {}
}
