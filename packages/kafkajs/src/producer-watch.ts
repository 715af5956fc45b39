// Observes the millrace producers of one kafkajs producer through node:diagnostics_channel: the log
// start offset of each partition, which kafkajs returns with results, and how long no broker could
// be reached. kafkajs limits attempts even if nothing can be sent, so a call that waits for a
// broker longer than all attempts would take must be cancelled. producer.ts creates it.

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { DiagnosticEvents, KafkaError } from 'millrace'
import type { RetryPlan } from './config.ts'

/** A single failed address is not an outage: the next one may respond. */
const outageTimeoutMsMin = 500
const offsetsMax = 10_000

/** A call that waits for brokers. */
export interface Guard {
  /** Why the call was cancelled; null = it was not. */
  readonly expiredBy: KafkaError | null
  end(): void
}

export interface SendGuard extends Guard {
  /** Aborts when the call is cancelled. */
  readonly signal: AbortSignal | undefined
}

const unlimited: SendGuard = { expiredBy: null, signal: undefined, end: () => {} }

class WaitingCall implements Guard {
  expiredBy: KafkaError | null = null
  readonly sinceMs = Date.now()
  readonly #watch: ConnectionWatch
  readonly #onExpired: () => void

  constructor(watch: ConnectionWatch, onExpired: () => void) {
    this.#watch = watch
    this.#onExpired = onExpired
  }

  expire(reason: KafkaError): void {
    this.expiredBy = reason
    this.#onExpired()
  }

  end(): void {
    this.#watch.end(this)
  }
}

/** The connection state of one millrace producer. */
class ConnectionWatch {
  readonly #outageTimeoutMs: number
  readonly #calls = new Set<WaitingCall>()
  #openCount = 0
  #failingSinceMs: number | null = null
  #failure: KafkaError | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(outageTimeoutMs: number) {
    this.#outageTimeoutMs = outageTimeoutMs
  }

  /** Why no broker can be reached; null if one can be reached. */
  get failure(): KafkaError | null {
    return this.#failure
  }

  opened(): void {
    this.#openCount++
    this.#failingSinceMs = null
    this.#failure = null
  }

  closed(): void {
    this.#openCount--
  }

  failed(error: KafkaError): void {
    if (this.#openCount > 0) return
    this.#failure = error
    this.#failingSinceMs ??= Date.now()
    this.#arm()
  }

  /** Registers a call. `onExpired` is called once, when no broker could be reached for too long. */
  begin(onExpired: () => void): Guard {
    const call = new WaitingCall(this, onExpired)
    this.#calls.add(call)
    this.#arm()
    return call
  }

  end(call: WaitingCall): void {
    this.#calls.delete(call)
  }

  #arm(): void {
    if (this.#timer !== null || this.#failingSinceMs === null || this.#calls.size === 0) return
    // The calls are in the order in which they started.
    const [oldest] = this.#calls
    const since = Math.max(this.#failingSinceMs, oldest?.sinceMs ?? 0)
    const waitMs = Math.max(1, since + this.#outageTimeoutMs - Date.now())
    this.#timer = setTimeout(() => this.#onTime(), Math.min(waitMs, 2 ** 31 - 1))
    this.#timer.unref()
  }

  #onTime(): void {
    this.#timer = null
    const failure = this.#failure
    const failingSinceMs = this.#failingSinceMs
    if (failure !== null && failingSinceMs !== null) {
      const latest = Date.now() - this.#outageTimeoutMs
      for (const call of [...this.#calls]) {
        if (Math.max(call.sinceMs, failingSinceMs) > latest) break
        this.#calls.delete(call)
        call.expire(failure)
      }
    }
    this.#arm()
  }
}

type Channel = keyof DiagnosticEvents

export class ProducerWatch {
  /** A call without a reachable broker is cancelled after this time. */
  readonly outageTimeoutMs: number
  readonly #isLimited: boolean
  readonly #watches = new Map<object, ConnectionWatch>()
  readonly #logStartOffsets = new Map<string, number>()
  readonly #subscriptions: readonly (readonly [Channel, (message: unknown) => void])[]

  constructor({ pausesMs, isExplicit }: RetryPlan) {
    this.outageTimeoutMs = Math.max(outageTimeoutMsMin, pausesMs)
    this.#isLimited = isExplicit
    this.#subscriptions = [
      this.#on('millrace:connection.opened', (_, watch) => watch.opened()),
      this.#on('millrace:connection.closed', (_, watch) => watch.closed()),
      this.#on('millrace:connection.failed', ({ error }, watch) => watch.failed(error)),
      this.#on('millrace:batch.settled', (event) => this.#keepOffset(event)),
    ]
  }

  start(): void {
    for (const [channel, listener] of this.#subscriptions) subscribe(channel, listener)
  }

  stop(): void {
    for (const [channel, listener] of this.#subscriptions) unsubscribe(channel, listener)
    this.#watches.clear()
    this.#logStartOffsets.clear()
  }

  add(producer: object): void {
    this.#watches.set(producer, new ConnectionWatch(this.outageTimeoutMs))
  }

  remove(producer: object): void {
    this.#watches.delete(producer)
  }

  has(producer: object): boolean {
    return this.#watches.has(producer)
  }

  /**
   * Registers a call of this producer that waits for brokers. If the program sets retries itself,
   * the returned signal cancels the call; otherwise the call has no such limit.
   */
  beginSend(producer: object): SendGuard {
    if (!this.#isLimited) return unlimited
    const controller = new AbortController()
    const guard = this.begin(producer, () => controller.abort())
    return Object.assign(guard, { signal: controller.signal })
  }

  /** Why no broker can be reached now; null if one can be reached. */
  outageOf(producer: object): KafkaError | null {
    return this.#watches.get(producer)?.failure ?? null
  }

  /**
   * Registers a call; `onExpired` is called when no broker could be reached for `outageTimeoutMs`.
   */
  begin(producer: object, onExpired: () => void): Guard {
    const watch = this.#watches.get(producer)
    return watch?.begin(onExpired) ?? { expiredBy: null, end: () => {} }
  }

  /** The log start offset at the last write to the partition; -1 = unknown. */
  readonly logStartOffset = (topic: string, partition: number): number =>
    this.#logStartOffsets.get(`${topic}/${partition}`) ?? -1

  #keepOffset(event: DiagnosticEvents['millrace:batch.settled']): void {
    const { topic, partition, logStartOffset, error } = event
    if (error !== null) return
    if (this.#logStartOffsets.size >= offsetsMax) this.#logStartOffsets.clear()
    this.#logStartOffsets.set(`${topic}/${partition}`, logStartOffset)
  }

  #on<Name extends Channel>(
    channel: Name,
    listener: (event: DiagnosticEvents[Name], watch: ConnectionWatch) => void,
  ): readonly [Channel, (message: unknown) => void] {
    return [
      channel,
      (message) => {
        const event = message as DiagnosticEvents[Name]
        const watch = this.#watches.get(event.producer)
        if (watch !== undefined) listener(event, watch)
      },
    ]
  }
}
