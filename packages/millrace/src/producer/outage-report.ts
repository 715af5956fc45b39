// Owns the log lines of an outage: one warning when records have not been delivered for about a
// second, and one line at its end, with its duration and the number of waiting records. A producer
// with unsettled records is checked four times per second; an idle producer costs nothing. Caller:
// Producer. Invariants: a condition needs several consecutive checks, so that a blocked event loop
// is not an outage; the timer does not keep the process alive.

import type { Cluster } from '../cluster-client/cluster-client.ts'
import type { Engine } from '../engine/engine.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock, Timer } from '../runtime/clock.ts'
import type { Logger } from '../runtime/logger.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { grouped, type OutageCondition, outageConditions } from './outage-conditions.ts'

const checkMs = 250
/** Consecutive checks for a further condition of a logged outage: 10 s. */
const checksToWarnAgain = 40
/** Consecutive checks without a condition until the outage has ended. */
const checksToEnd = 3

/** An outage that was logged and has not ended. */
export interface Outage {
  /** On the clock's now(): the last time without a condition. */
  readonly sinceMs: number
  /** The first condition, as a sentence. */
  readonly reason: string
  readonly error: KafkaError | null
}

export interface OutageReportParts {
  readonly engine: Engine
  readonly cluster: Cluster
  readonly clock: Clock
  readonly logger: Logger
  readonly failures: FailureReporter
  /** A caller waits for a first connection. */
  isConnecting(): boolean
}

const recordCount = (count: number): string =>
  count === 1 ? '1 record' : `${grouped(count)} records`

export class OutageReport {
  readonly #parts: OutageReportParts
  #timer: Timer | null = null
  #isStopped = false
  /** The number of consecutive checks with each condition. */
  #seen = new Map<string, number>()
  readonly #logged = new Set<string>()
  #outage: Outage | null = null
  #isBlocked = false
  #successfulChecks = 0
  #lastSuccessMs = 0
  #failedBefore = 0
  #waitingMax = 0

  constructor(parts: OutageReportParts) {
    this.#parts = parts
  }

  /** The current outage; null = none. */
  get outage(): Outage | null {
    return this.#outage
  }

  /** No record could be delivered or accepted for about a second. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** The producer has records to send. Costs one comparison while it is watched. */
  watch(): void {
    if (this.#timer !== null || this.#isStopped) return
    this.#markSuccess()
    this.#schedule()
  }

  /** The producer is closed. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = null
  }

  #schedule(): void {
    const { clock } = this.#parts
    // The sockets are read first: after a blocked event loop the responses that arrived meanwhile
    // count.
    this.#timer = clock.setTimer(checkMs, () => clock.setImmediate(() => this.#check()))
    this.#timer.unref?.()
  }

  #markSuccess(): void {
    this.#lastSuccessMs = this.#parts.clock.now()
    this.#failedBefore = this.#parts.engine.readings.measurements.recordsFailed
  }

  #check(): void {
    if (this.#isStopped) return
    const { engine, cluster, isConnecting } = this.#parts
    const conditions = outageConditions(engine, cluster, isConnecting())
    if (conditions.length === 0) this.#onSuccess()
    else this.#onConditions(conditions)
    const isWatched = conditions.length > 0 || this.#outage !== null
    if (isWatched || isConnecting() || engine.readings.hasUnsettled) this.#schedule()
    else this.#timer = null
  }

  #onSuccess(): void {
    this.#isBlocked = false
    this.#seen.clear()
    if (this.#outage === null) this.#markSuccess()
    else if (++this.#successfulChecks >= checksToEnd) this.#end(this.#outage)
  }

  #onConditions(conditions: readonly OutageCondition[]): void {
    this.#successfulChecks = 0
    const seen = new Map<string, number>()
    this.#isBlocked = false
    for (const condition of conditions) {
      const count = (this.#seen.get(condition.key) ?? 0) + 1
      seen.set(condition.key, count)
      this.#isBlocked ||= condition.blocksAll && count >= condition.checksToWarn
      const isDue = count >= (this.#outage === null ? condition.checksToWarn : checksToWarnAgain)
      if (isDue && !this.#logged.has(condition.key)) this.#warn(condition)
    }
    this.#seen = seen
    const { readings } = this.#parts.engine
    this.#waitingMax = Math.max(this.#waitingMax, readings.unsettledRecords)
  }

  #warn({ key, text, error, isLogged }: OutageCondition): void {
    const { logger, failures, engine } = this.#parts
    this.#logged.add(key)
    if (this.#outage === null) {
      this.#outage = { sinceMs: this.#lastSuccessMs, reason: text, error }
      this.#waitingMax = 0
      failures.beginOutage()
    }
    if (isLogged) return
    const waiting = engine.readings.unsettledRecords
    const records = `${recordCount(waiting)} ${waiting === 1 ? 'waits' : 'wait'}; trying`
    // connect() waits, or a transaction: no record was sent yet.
    const start = waiting === 0 ? 'Trying' : records
    logger.warn(`millrace: ${text}. ${start} again until it is over.`)
  }

  #end({ sinceMs }: Outage): void {
    const { clock, logger, failures, engine } = this.#parts
    this.#outage = null
    this.#successfulChecks = 0
    this.#logged.clear()
    const seconds = ((clock.now() - checkMs * (checksToEnd - 1) - sinceMs) / 1000).toFixed(1)
    const failed = engine.readings.measurements.recordsFailed - this.#failedBefore
    const lost = failed === 0 ? 'none failed' : `${grouped(failed)} failed`
    const waited = `${recordCount(this.#waitingMax)} waited, ${lost}`
    const effect = this.#waitingMax === 0 && failed === 0 ? 'no record waited' : waited
    logger.info(`millrace: The cluster is available again after ${seconds} s; ${effect}.`)
    failures.endOutage()
    this.#markSuccess()
  }
}
