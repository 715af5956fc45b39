// The life of a producer: open → closing → closed, with failed in between where its spool has
// failed. It owns the state, and ends what the producer is made of in the right order: records
// first, then the transaction, then connections and spool. Caller: Producer, for close() and
// destroy(), and before each call that needs an open producer.

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

/** What close() found: every record that was ever taken is one of these. */
export interface CloseReport {
  /** Records that were acknowledged, since the producer was made. */
  readonly delivered: number
  /** Records that were not delivered since the producer was created, with rejected ones. */
  readonly failed: number
  /** Those of them that close() itself could not deliver: the ones to set the exit code from. */
  readonly undelivered: number
  /** With the option `spool`: records that stay on disk, for the next producer. */
  readonly spooled?: number
  /** With the option `deadLetter`: those of the failed ones that the target has. */
  readonly deadLettered?: number
}

/** What ends with the producer. */
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
  /** Nothing is sent or received any more. Called at most twice, which must be harmless. */
  onShutDown(): void
}

const nothing = (): void => {}

/**
 * A getter of a record, or a partitioner, may be calling close() or destroy(): once the caller's
 * call has returned, the record is in the engine, and is delivered or fails with the others.
 */
const afterAppend = (then: () => void): void => {
  Promise.resolve().then(then)
}

export class ProducerLifecycle {
  readonly #parts: LifecycleParts
  #state: ProducerState = 'open'
  #closing: Promise<CloseReport> | null = null
  /** Records that had failed when closing began; null = it has not begun. */
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
    this.#noteFailures()
    this.#closing = new Promise((resolve) => {
      this.#endClosing = () => {
        limits?.stop()
        this.#endClosing = nothing
        this.#parts.spool?.leave()
        this.#shutDown()
        this.#end(resolve)
      }
      // In a turn of its own: callbacks never run inside the caller's abort() or close().
      limits?.start(() => this.#parts.clock.setImmediate(() => this.destroy(null)))
      afterAppend(() => {
        if (this.#state === 'closed') engine.flush(() => this.#endClosing())
        else this.#drain()
      })
    })
    return this.#closing
  }

  /** Reports when the spool has written what it knows, too. */
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

  /** Closing begins: what fails from now on is what it could not deliver. */
  #noteFailures(): void {
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
    // Records that had failed before may be kept until the end, with dead letters that are not
    // stored.
    const undelivered = Math.max(0, failed - (this.#failedBefore ?? 0))
    const report = { delivered, failed, undelivered }
    return {
      ...report,
      ...(spool === null ? {} : { spooled: spool.metrics().records }),
      ...(deadLetters === null ? {} : { deadLettered: deadLetters.metrics().stored }),
    }
  }

  /** The limits that end the producer before its records are delivered; null = there are none. */
  #limitsOf(given: WaitOptions | undefined): CallLimits | null {
    if (this.#state === 'closed') return null
    const options = this.#withDefault(given)
    return options === undefined ? null : new CallLimits(options, this.#parts.waitClock)
  }

  /**
   * Records have deadlines of their own; the end of a transaction gets as long as a record. What is
   * in a spool may stay there.
   */
  #withDefault(options: WaitOptions | undefined): WaitOptions | undefined {
    const { engine, spool } = this.#parts
    const { requestTimeoutMs, deliveryTimeoutMs } = engine.settings
    if (spool !== null) return withTimeout(options, requestTimeoutMs)
    return engine.transactions === null ? options : withTimeout(options, deliveryTimeoutMs)
  }

  /** Calls back when every record that was taken is settled. */
  flush(done: () => void): void {
    const { engine, spool, deadLetters } = this.#parts
    const settled = deadLetters === null ? done : () => deadLetters.flush(done)
    if (spool === null) engine.flush(settled)
    else engine.flush(() => spool.flush(settled))
  }

  /** For a caller of flush(): what a spool that has failed holds is not settled. */
  flushFor(options: WaitOptions | undefined): Promise<void> {
    const { spool, waitClock } = this.#parts
    return waitFor<void>('flush', options, waitClock, (resolve, reject) => {
      const end = (): void => {
        const error = spool?.error ?? null
        if (error === null) resolve()
        else reject(error)
      }
      if (this.#state === 'closed') end()
      else this.flush(end)
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
    const flush = (): void => this.flush(leave)
    if (engine.transactions === null) flush()
    else engine.transactions.finish(flush)
  }

  /** Fails everything that is not settled with ABORTED, naming the cause, and disconnects. */
  destroy(cause: Error | null): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#noteFailures()
    this.#parts.spool?.leave()
    afterAppend(() => this.#failAll(cause))
  }

  #failAll(cause: Error | null): void {
    const { engine, spool, deadLetters } = this.#parts
    engine.failAll('ABORTED', 'The producer was closed before the record was delivered', cause)
    const closed = withCause('CLOSED', 'The producer was closed', {}, cause)
    engine.transactions?.destroy(closed)
    deadLetters?.abandon(closed)
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
