// Owns the state of a producer: open → closing → closed, or failed after its spool has failed. It
// ends the parts of the producer in order: records, the transaction, connections and spool. Caller:
// Producer, for close() and destroy(), and before each call that needs an open producer. Invariant:
// after `closed` the state does not change.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import type { Engine } from '../engine/engine.ts'
import { withCause } from '../engine/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import { guarded } from './caller.ts'
import type { DeadLetters } from './dead-letters/dead-letters.ts'
import { announceClosed } from './diagnostics.ts'
import type { ProducerSpool } from './producer-spool.ts'
import type { ProducerState } from './status.ts'
import {
  CallLimits,
  checkWaitOptions,
  type WaitClock,
  type WaitOptions,
  waitFor,
  withTimeout,
} from './wait.ts'

/** The result of close(): every accepted record is counted in one of these. */
export interface CloseReport {
  /** Records that were acknowledged since the producer was created. */
  readonly delivered: number
  /** Records that were not delivered since the producer was created, including rejected ones. */
  readonly failed: number
  /** Those of them that close() itself could not deliver: use this number for the exit code. */
  readonly undelivered: number
  /** With the option `spool`: records that stay on disk for the next producer. */
  readonly spooled?: number
  /** With the option `deadLetter`: those of the failed records that the target has stored. */
  readonly deadLettered?: number
}

/** The parts that end with the producer. */
export interface LifecycleParts {
  readonly engine: Engine
  readonly cluster: Cluster
  /** Null without the option. */
  readonly spool: ProducerSpool | null
  /** Null without the option. */
  readonly deadLetters: DeadLetters | null
  readonly clock: Clock
  readonly waitClock: WaitClock
  readonly origin: EventOrigin
  /**
   * Nothing is sent or received any more. Called at most twice; the second call must have no
   * effect.
   */
  onShutDown(): void
}

const nothing = (): void => {}

/**
 * A getter of a record, or a partitioner, may call close() or destroy(). When the call of the
 * caller has returned, the record is in the engine, and is delivered or fails with the others.
 */
const afterAppend = (then: () => void): void => {
  Promise.resolve().then(then)
}

export class ProducerLifecycle {
  readonly #parts: LifecycleParts
  #state: ProducerState = 'open'
  #closing: Promise<CloseReport> | null = null
  /** The number of failed records when closing began; null = it has not begun. */
  #failedBefore: number | null = null
  #endClosing: () => void = nothing

  constructor(parts: LifecycleParts) {
    this.#parts = parts
  }

  get state(): ProducerState {
    return this.#state
  }

  get isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Throws CLOSED unless the producer is open; `call` begins the message. */
  checkOpen(call: string): void {
    if (this.#state === 'open') return
    if (this.#state === 'failed') throw this.#parts.spool!.error
    throw new KafkaError('CLOSED', `${call}: the producer is ${this.#state}`)
  }

  close(given: WaitOptions | undefined): Promise<CloseReport> {
    if (this.#closing !== null) return this.#closing
    let limits: CallLimits | null
    try {
      limits = this.#limitsOf(checkWaitOptions(given))
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    if (this.#state === 'open' || this.#state === 'failed') this.#state = 'closing'
    const { engine } = this.#parts
    this.#saveFailedBefore()
    this.#closing = new Promise((resolve) => {
      this.#endClosing = () => {
        limits?.stop()
        this.#endClosing = nothing
        this.#parts.spool?.leave()
        this.#shutDown()
        this.#end(resolve)
      }
      // In a separate turn: callbacks never run inside the caller's abort() or close().
      limits?.start(() => this.#parts.clock.setImmediate(() => this.destroy(null)))
      afterAppend(() => {
        if (this.#state === 'closed') engine.flush(() => this.#endClosing())
        else this.#drain()
      })
    })
    return this.#closing
  }

  /** Reports after the spool has written its state. */
  #end(resolve: (report: CloseReport) => void): void {
    const { origin, spool, deadLetters } = this.#parts
    const finish = (): void => {
      const report = this.#report()
      announceClosed(origin, report)
      resolve(report)
    }
    if (spool === null && deadLetters === null) {
      finish()
      return
    }
    const written = deadLetters?.close() ?? Promise.resolve()
    written.then(() => spool?.close()).then(finish)
  }

  /** Closing begins: records that fail from now on are those that it could not deliver. */
  #saveFailedBefore(): void {
    this.#failedBefore ??= this.#failed
  }

  get #failed(): number {
    const { engine, spool } = this.#parts
    return engine.readings.measurements.recordsFailed - (spool?.keptRecords ?? 0)
  }

  #report(): CloseReport {
    const { engine, spool, deadLetters } = this.#parts
    const { recordsDelivered: delivered } = engine.readings.measurements
    const failed = this.#failed
    // Records that failed before may be kept until the end, together with dead letters that were
    // not stored.
    const undelivered = Math.max(0, failed - (this.#failedBefore ?? 0))
    const report = { delivered, failed, undelivered }
    return {
      ...report,
      ...(spool === null ? {} : { spooled: spool.metrics().records }),
      ...(deadLetters === null ? {} : { deadLettered: deadLetters.metrics().stored }),
    }
  }

  /** The limits that end the producer before its records are delivered; null = none. */
  #limitsOf(given: WaitOptions | undefined): CallLimits | null {
    if (this.#state === 'closed') return null
    const options = this.#withDefault(given)
    return options === undefined ? null : new CallLimits(options, this.#parts.waitClock)
  }

  /**
   * Records have deadlines of their own; the end of a transaction gets the same time as a record.
   * Records in a spool may stay there.
   */
  #withDefault(options: WaitOptions | undefined): WaitOptions | undefined {
    const { engine, spool } = this.#parts
    const { requestTimeoutMs, deliveryTimeoutMs } = engine.settings
    if (spool !== null) return withTimeout(options, requestTimeoutMs)
    return engine.transactions === null ? options : withTimeout(options, deliveryTimeoutMs)
  }

  /** Calls back when every accepted record is settled. Returns a function that forgets `done`. */
  flush(done: () => void): () => void {
    const { engine, spool, deadLetters } = this.#parts
    let call: (() => void) | null = done
    const end = (): void => call?.()
    const settled = deadLetters === null ? end : () => deadLetters.flush(end)
    const forget = engine.flush(spool === null ? settled : () => spool.flush(settled))
    return () => {
      call = null
      forget()
    }
  }

  /** For a caller of flush(): records in a failed spool are not settled. */
  flushFor(options: WaitOptions | undefined): Promise<void> {
    const { spool, waitClock } = this.#parts
    return waitFor<void>('flush', options, waitClock, (resolve, reject) => {
      const end = (): void => {
        const error = spool?.error ?? null
        if (error === null) resolve()
        else reject(error)
      }
      if (this.#state !== 'closed') return this.flush(end)
      end()
      return nothing
    })
  }

  /** The spool has failed: nothing can be sent any more. */
  fail(error: KafkaError): void {
    if (this.#state !== 'open') return
    this.#state = 'failed'
    const { clock, engine } = this.#parts
    clock.setImmediate(() => {
      if (this.#state !== 'failed') return
      engine.failAll(error.code, 'The record was not delivered', error)
    })
  }

  #drain(): void {
    const { engine, cluster } = this.#parts
    const leave = (): void => cluster.leave(() => this.#endClosing())
    const flush = (): void => void this.flush(leave)
    if (engine.transactions === null) flush()
    else engine.transactions.finish(flush)
  }

  /** Fails all unsettled records with ABORTED and the cause, and disconnects. */
  destroy(cause: Error | null): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#saveFailedBefore()
    this.#parts.spool?.leave()
    afterAppend(() => this.#failAll(cause))
  }

  #failAll(cause: Error | null): void {
    const { engine, spool, deadLetters } = this.#parts
    engine.failAll('ABORTED', 'The producer was closed before the record was delivered', cause)
    const closed = withCause('CLOSED', 'The producer was closed', {}, cause)
    engine.transactions?.destroy(closed)
    deadLetters?.failPending(closed)
    spool?.failCallers(closed)
    this.#shutDown()
    if (this.#closing === null) this.close(undefined)
    else engine.flush(() => this.#endClosing())
  }

  #shutDown(): void {
    this.#state = 'closed'
    const { engine, cluster, onShutDown } = this.#parts
    engine.transactions?.destroy(new KafkaError('CLOSED', 'The producer is closed'))
    cluster.close()
    onShutDown()
  }
}
