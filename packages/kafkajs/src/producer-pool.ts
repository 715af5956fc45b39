// kafkajs says acks, codec and timeout with each send; a producer of millrace has them for life. So
// there is one for each combination that is used, made when it is first needed. Few at a time: of
// those that nobody uses, the one unused for longest is closed.

import { Producer, type ProducerOptions } from 'millrace'
import { type CompressionTypes, codecName } from './compression.ts'
import { KafkaJSNonRetriableError } from './errors.ts'

const producersMax = 8

export interface SendSettings {
  /** -1 = all in-sync replicas, 1 = the leader, 0 = nobody; -1 by default. */
  acks?: number
  /** Milliseconds that a broker may take to answer. */
  timeout?: number
  compression?: CompressionTypes
}

interface Entry {
  readonly producer: Producer
  /** Calls that are not over. */
  users: number
}

const acksOf = (acks: number | null | undefined): -1 | 0 | 1 => {
  const value = acks ?? -1
  if (value === -1 || value === 0 || value === 1) return value
  throw new KafkaJSNonRetriableError(`acks is ${value}: expected -1, 0 or 1`)
}

export class ProducerPool {
  readonly #options: ProducerOptions
  readonly #created: (producer: Producer) => void
  /** Ordered by use: the first was not used for longest. */
  readonly #entries = new Map<string, Entry>()
  readonly #closing = new Set<Promise<unknown>>()

  /** `created` hears of each producer before it sends. */
  constructor(options: ProducerOptions, created: (producer: Producer) => void) {
    this.#options = options
    this.#created = created
  }

  /** Calls with the producer of these settings; it stays open until the call is over. */
  async use<Value>(
    { acks, timeout, compression }: SendSettings,
    call: (producer: Producer) => Promise<Value>,
  ): Promise<Value> {
    const settings = { acks: acksOf(acks), compression: codecName(compression) }
    const requestTimeoutMs = timeout ?? this.#options.requestTimeoutMs
    const name = `${settings.acks} ${settings.compression} ${requestTimeoutMs}`
    const entry = this.#entries.get(name) ?? {
      producer: this.#create({ ...settings, requestTimeoutMs }),
      users: 0,
    }
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    entry.users++
    this.#trim()
    try {
      return await call(entry.producer)
    } finally {
      entry.users--
      this.#trim()
    }
  }

  /** Delivers what was taken, and disconnects. */
  async close(): Promise<void> {
    for (const { producer } of this.#entries.values()) this.#close(producer)
    this.#entries.clear()
    await Promise.all(this.#closing)
  }

  #create(settings: Partial<ProducerOptions>): Producer {
    const { idempotent, compression, ...rest } = this.#options
    // A codec in the options of millrace holds where the send names none.
    const codec = settings.compression === 'none' ? compression : settings.compression
    const options = { ...rest, ...settings, compression: codec }
    const producer = new Producer(settings.acks === -1 ? { ...options, idempotent } : options)
    this.#created(producer)
    return producer
  }

  #trim(): void {
    for (const [name, { producer, users }] of this.#entries) {
      if (this.#entries.size <= producersMax) return
      if (users > 0) continue
      this.#entries.delete(name)
      this.#close(producer)
    }
  }

  #close(producer: Producer): void {
    const closing = producer.close().finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }
}
