// The millrace producers of one kafkajs producer. In kafkajs, acks and codec belong to each send;
// in millrace they are options of a producer. So the pool creates one producer per combination on
// first use, at most 8 at a time, and closes the least recently used one. It must not close one
// with a running call. Callers: producer.ts and transaction.ts.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Producer, type ProducerOptions } from 'millrace'
import { type CompressionTypes, codecName } from './compression.ts'
import { refused } from './errors.ts'
import type { ProducerWatch } from './producer-watch.ts'

const producersMax = 8
const requestTimeoutMsDefault = 30_000

export interface SendSettings {
  /** -1 = all in-sync replicas, 1 = the leader, 0 = no broker; -1 by default. */
  acks?: number
  /** Accepted but not used: brokers wait for replicas as long as `requestTimeout` says. */
  timeout?: number
  compression?: CompressionTypes
}

interface Entry {
  readonly producer: Producer
  /** The number of running calls that use it. */
  users: number
}

/** kafkajs accepts numeric text, too. */
const acksOf = (acks: unknown): -1 | 0 | 1 => {
  const value = Number(acks ?? -1)
  if (value === -1 || value === 0 || value === 1) return value
  throw refused(`acks must be -1, 0 or 1, got ${String(acks)}`)
}

/**
 * Delivers the producer's records and closes it. If the cluster cannot be reached, it waits as long
 * as the program's retry settings say.
 */
export const closeProducer = async (
  producer: Producer,
  watch: ProducerWatch,
  requestTimeoutMs = requestTimeoutMsDefault,
): Promise<void> => {
  const guard = watch.begin(producer, () => producer.destroy())
  try {
    await producer.close({
      timeoutMs: Math.min(2 ** 31 - 1, watch.outageTimeoutMs + requestTimeoutMs),
    })
  } finally {
    guard.end()
    watch.remove(producer)
  }
}

export class ProducerPool {
  readonly #options: ProducerOptions
  readonly #watch: ProducerWatch
  /** Ordered by use: the first is the least recently used one. */
  readonly #entries = new Map<string, Entry>()
  readonly #calls = new Set<Promise<unknown>>()
  readonly #closing = new Set<Promise<unknown>>()

  constructor(options: ProducerOptions, watch: ProducerWatch) {
    this.#options = options
    this.#watch = watch
  }

  /** Runs a call with the producer for these settings; it stays open until the call ends. */
  async use<Value>(
    { acks, compression }: SendSettings,
    call: (producer: Producer) => Promise<Value>,
  ): Promise<Value> {
    const entry = this.#entryOf(acksOf(acks), codecName(compression))
    entry.users++
    const running = call(entry.producer)
    this.#calls.add(running)
    try {
      return await running
    } finally {
      this.#calls.delete(running)
      entry.users--
      if (this.#entries.size > producersMax) this.#trim()
    }
  }

  /** Resolves when all calls so far have their results; rejects after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const calls = Promise.allSettled(this.#calls)
    const controller = new AbortController()
    const { signal } = controller
    const end = sleep(timeoutMs, undefined, { signal }).then(() =>
      Promise.reject(new Error('late')),
    )
    // By then the calls of this turn have passed on their records, so no record lingers.
    setImmediate(() => {
      for (const { producer } of this.#entries.values()) producer.flush().catch(() => {})
    })
    try {
      await Promise.race([calls, end])
    } finally {
      controller.abort()
      end.catch(() => {})
    }
  }

  /** Delivers the accepted records and disconnects. */
  async close(): Promise<void> {
    // Calls that await the user's partitioner pass on their records in this turn.
    if (this.#calls.size > 0) await new Promise((resolve) => setImmediate(resolve))
    for (const { producer } of this.#entries.values()) this.#close(producer)
    this.#entries.clear()
    await Promise.all(this.#closing)
  }

  /** The entry for these settings; it becomes the most recently used one. */
  #entryOf(acks: -1 | 0 | 1, compression: ReturnType<typeof codecName>): Entry {
    const name = `${acks} ${compression}`
    const known = this.#entries.get(name)
    if (known !== undefined && this.#entries.size === 1) return known
    const entry = known ?? { producer: this.#create({ acks, compression }), users: 0 }
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    this.#trim(entry)
    return entry
  }

  #create(settings: Partial<ProducerOptions>): Producer {
    const { idempotent, compression, spool, ...rest } = this.#options
    // The option `compression` applies if the send names no codec.
    const codec = settings.compression === 'none' ? compression : settings.compression
    const options = { ...rest, ...settings, compression: codec, spool: spoolOf(spool, settings) }
    const producer = new Producer(settings.acks === -1 ? { ...options, idempotent } : options)
    this.#watch.add(producer)
    return producer
  }

  #trim(used?: Entry): void {
    for (const [name, entry] of this.#entries) {
      if (this.#entries.size <= producersMax) return
      const { producer, users } = entry
      if (users > 0 || entry === used) continue
      this.#entries.delete(name)
      this.#close(producer)
    }
  }

  #close(producer: Producer): void {
    const { requestTimeoutMs } = this.#options
    const closing = closeProducer(producer, this.#watch, requestTimeoutMs).finally(() =>
      this.#closing.delete(closing),
    )
    this.#closing.add(closing)
  }
}

/** A spool directory per producer, because only one producer may use a directory. */
const spoolOf = (
  spool: ProducerOptions['spool'],
  { compression }: Partial<ProducerOptions>,
): ProducerOptions['spool'] =>
  spool && { ...spool, directory: join(spool.directory, `${compression}`) }
