// The calls of one session: each is recorded, must return in time, and may be cancelled.

import type { WaitOptions } from '../../src/producer/wait.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { CallLimits } from './plan-calls.ts'
import type { SessionWorld } from './transaction-book.ts'

export const describeError = (error: unknown): string =>
  error instanceof KafkaError
    ? `${error.code} (${error.kind}, persisted ${error.persisted}): ${error.message}`
    : String(error)

/** Calls may take so much longer than their limit: a turn or two, and a step of the engine. */
const slackMs = 60

export class SessionCalls {
  readonly #world: SessionWorld
  readonly #number: number
  /** Calls that have not come back. */
  readonly pending = new Set<string>()

  constructor(world: SessionWorld, number: number) {
    this.#world = world
    this.#number = number
  }

  trace(text: string): void {
    this.#world.trace(`p${this.#number}       ${text}`)
  }

  pause(forMs: number): Promise<void> {
    if (forMs <= 0) return Promise.resolve()
    return new Promise((resolve) => this.#world.agenda.after(forMs, resolve))
  }

  limitOf({ abortAfterMs, timeoutMs }: CallLimits): number {
    const { maxBlockMs } = this.#world
    const limit = timeoutMs < 0 ? maxBlockMs : timeoutMs
    return abortAfterMs < 0 ? limit : Math.min(limit, abortAfterMs)
  }

  async call<Value>(what: string, limitMs: number, run: () => Promise<Value>): Promise<Value> {
    const name = `${what} ${this.#world.nextOrdinal()}`
    this.pending.add(name)
    this.trace(`call     ${name}`)
    const { clock } = this.#world
    const startedAtMs = clock.now()
    try {
      const value = await run()
      this.trace(`back     ${name}`)
      return value
    } catch (error) {
      this.trace(`back     ${name}: ${describeError(error)}`)
      throw error
    } finally {
      this.pending.delete(name)
      const tookMs = clock.now() - startedAtMs
      if (tookMs > limitMs + slackMs) {
        this.#world.onOddity(`p${this.#number}: ${name} took ${tookMs} ms of ${limitMs}`)
      }
    }
  }

  optionsOf(limits: CallLimits): WaitOptions | undefined {
    const { abortAfterMs, timeoutMs } = limits
    if (abortAfterMs < 0 && timeoutMs < 0) return undefined
    const controller = new AbortController()
    if (abortAfterMs >= 0) {
      this.#world.agenda.after(abortAfterMs, () => controller.abort(new Error('enough')))
    }
    return {
      ...(abortAfterMs < 0 ? {} : { signal: controller.signal }),
      ...(timeoutMs < 0 ? {} : { timeoutMs }),
    }
  }
}
