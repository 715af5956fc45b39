// Owns the calls beginTransaction() and transaction(work), which commits when the work returns and
// aborts when it throws or when the caller's options end the call. Caller: Producer. Invariant: it
// has no state; `TransactionManager` has.

import type { TransactionManager } from '../engine/engine.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { guarded } from './caller.ts'
import type { Sending } from './sending.ts'
import { Transaction, type TransactionHost } from './transaction.ts'
import {
  cancellationOf,
  checkWaitOptions,
  type WaitClock,
  type WaitOptions,
  waitFor,
} from './wait.ts'

export interface TransactionCallsOptions {
  /** Null without the option `transactionalId`. */
  readonly manager: TransactionManager | null
  readonly sending: Sending
  readonly waitClock: WaitClock
  readonly maxBlockMs: number
  /** Throws unless the producer is open. */
  readonly checkOpen: (call: string) => void
}

export class TransactionCalls {
  readonly #options: TransactionCallsOptions

  constructor(options: TransactionCallsOptions) {
    this.#options = options
  }

  begin(options: WaitOptions | undefined): Promise<Transaction> {
    const { waitClock, maxBlockMs, checkOpen } = this.#options
    return guarded(
      waitFor(
        'beginTransaction',
        options,
        waitClock,
        (resolve, reject) => {
          checkOpen('beginTransaction')
          const host = this.#host('beginTransaction')
          host.manager.begin((error, number) => {
            if (error === null) resolve(new Transaction(host, number))
            else reject(error)
          })
          return () => host.manager.forgetBegin()
        },
        'no',
        maxBlockMs,
      ),
    )
  }

  run<Value>(
    work: (transaction: Transaction) => Value | Promise<Value>,
    options: WaitOptions | undefined,
  ): Promise<Value> {
    return guarded(this.#run(work, options))
  }

  async #run<Value>(
    work: (transaction: Transaction) => Value | Promise<Value>,
    options: WaitOptions | undefined,
  ): Promise<Value> {
    if (typeof work !== 'function') {
      throw new KafkaError('INVALID_ARGUMENT', `work must be a function, got ${typeof work}`)
    }
    checkWaitOptions(options)
    const transaction = await this.begin(options)
    const limits = cancellationOf('transaction', options, this.#options.waitClock)
    try {
      const running = Promise.resolve(transaction).then(work)
      const value = await Promise.race([running, limits.cancelled])
      await Promise.race([transaction.commit(), limits.cancelled])
      return value
    } catch (error) {
      throw await abortAfter(transaction, error)
    } finally {
      limits.stop()
    }
  }

  #host(call: string): TransactionHost {
    const { manager, ...options } = this.#options
    if (manager !== null) return { manager, ...options }
    throw new KafkaError('INVALID_STATE', `${call} requires the option transactionalId`)
  }
}

/** Aborts; returns the error of the caller: why it failed, or that the producer cannot continue. */
const abortAfter = async (transaction: Transaction, error: unknown): Promise<unknown> => {
  try {
    await transaction[Symbol.asyncDispose]()
    return error
  } catch (abortError) {
    return abortError instanceof KafkaError && abortError.kind === 'fatal' ? abortError : error
  }
}
