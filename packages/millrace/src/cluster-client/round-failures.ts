// Owns the failures of the current and the last round of brokers, as one error: why there is no
// fresh metadata. Caller: Metadata. Invariant: the error is null after a success.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { SearchFailure } from './broker-search.ts'
import { sharedNature } from './link-failure.ts'

export class RoundFailures {
  #error: KafkaError | null = null
  /** The error of the last failed round, until a round succeeds. */
  #last: readonly SearchFailure[] = []

  /** Null if the last request succeeded. */
  get error(): KafkaError | null {
    return this.#error
  }

  /**
   * Gives the waiting callers an error before the round has ended. Brokers that it has not tried
   * yet failed in the round before.
   */
  onFailing(failures: readonly SearchFailure[]): void {
    if (failures.length === 0) return
    const again = new Set(failures.map(placeOf))
    const before = this.#last.filter((failure) => !again.has(placeOf(failure)))
    this.#error = unreachable([...failures, ...before])
  }

  /** Returns the error of the round. */
  onFailed(failures: readonly SearchFailure[]): KafkaError {
    const error = unreachable(failures)
    this.#error = error
    this.#last = failures
    return error
  }

  onSucceeded(): void {
    this.#error = null
    this.#last = []
  }
}

const placeOf = ({ error, text }: SearchFailure): string => error.broker ?? text

const unreachable = (failures: readonly SearchFailure[]): KafkaError => {
  const { code, kind, step } = sharedNature(failures.map(({ error }) => error))
  const summary = code === 'CONNECTION_FAILED' ? 'no broker could be reached' : 'no usable broker'
  const message = `${summary}: ${failures.map(({ text }) => text).join('; ')}`
  const [first] = failures.filter(({ error }) => error.code === code)
  const cause = (first ?? failures[0])?.error
  return new KafkaError(code, message, { api: 'Metadata', kind, step, cause })
}
