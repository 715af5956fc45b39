// What every call of the user shares: the check of a callback, and a promise that the caller may
// leave alone. Used by producer/ and by the recording producer.

import { KafkaError } from '../protocol/kafka-error.ts'

const nothing = (): void => {}

/** What is wrong with a callback that was passed; null = nothing. */
export const callbackProblem = (callback: unknown): KafkaError | null =>
  callback === undefined || callback === null || typeof callback === 'function'
    ? null
    : new KafkaError('INVALID_ARGUMENT', `callback must be a function, got ${typeof callback}`)

/** A rejection that is not awaited must not become an unhandled rejection. */
export const guarded = <Value>(promise: Promise<Value>): Promise<Value> => {
  promise.catch(nothing)
  return promise
}
