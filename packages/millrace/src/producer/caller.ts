// Owns what all calls of the user share: the check of a callback, and promises that need not be
// awaited. Callers: producer/ and the recording producer of testing/. Invariant: a rejection that
// is not awaited never ends the process.

import { KafkaError } from '../protocol/kafka-error.ts'

const nothing = (): void => {}

/** The problem with a callback of the caller; null = none. */
export const callbackProblem = (callback: unknown): KafkaError | null =>
  callback === undefined || callback === null || typeof callback === 'function'
    ? null
    : new KafkaError('INVALID_ARGUMENT', `callback must be a function, got ${typeof callback}`)

/** Prevents that a rejection which is not awaited becomes an unhandled rejection. */
export const guarded = <Value>(promise: Promise<Value>): Promise<Value> => {
  promise.catch(nothing)
  return promise
}
