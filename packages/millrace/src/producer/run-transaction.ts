// producer.transaction(work): begins, runs the user's function, commits what it did when it
// returns, aborts when it throws or when the caller gives up.

import { KafkaError } from '../protocol/kafka-error.ts'
import type { Transaction } from './transaction.ts'
import { checkWaitOptions, giveUpPromise, type WaitClock, type WaitOptions } from './wait.ts'

export const runTransaction = async <Value>(
  begin: (options: WaitOptions | undefined) => Promise<Transaction>,
  work: (transaction: Transaction) => Value | Promise<Value>,
  options: WaitOptions | undefined,
  clock: WaitClock,
): Promise<Value> => {
  if (typeof work !== 'function') {
    throw new KafkaError('INVALID_ARGUMENT', `work is ${String(work)}: expected a function`)
  }
  checkWaitOptions(options)
  const transaction = await begin(options)
  const patience = giveUpPromise('transaction', options, clock)
  try {
    const running = Promise.resolve(transaction).then(work)
    const value = await Promise.race([running, patience.givenUp])
    await Promise.race([transaction.commit(), patience.givenUp])
    return value
  } catch (error) {
    throw await abandon(transaction, error)
  } finally {
    patience.stop()
  }
}

/** Aborts; the answer is what the caller is told: why it failed, or that the producer is done. */
const abandon = async (transaction: Transaction, error: unknown): Promise<unknown> => {
  try {
    await transaction[Symbol.asyncDispose]()
    return error
  } catch (abortError) {
    return abortError instanceof KafkaError && abortError.kind === 'fatal' ? abortError : error
  }
}
