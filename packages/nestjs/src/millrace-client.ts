// A client proxy of Nest's microservices whose events are records of Kafka. It needs no connection
// to take events: what is emitted before brokers answer waits in the producer, bounded, and is told
// about if it fails. Nest closes it when the application shuts down, after its servers: what was
// emitted is delivered first.

import type { OnApplicationShutdown } from '@nestjs/common'
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices'
import {
  type BatchResult,
  type CloseReport,
  type Data,
  type Headers,
  KafkaError,
  Producer,
  type ProducerLike,
  type ProducerOptions,
  type ProducerRecord,
} from 'millrace'
import { defer, type Observable } from 'rxjs'

/** Options of a `MillraceClient`. */
export interface MillraceClientOptions {
  /** Options of the producer; or a producer, which Nest then closes. */
  readonly producer: ProducerOptions | ProducerLike
  /** How long the shutdown waits for what was emitted; 25 seconds by default. */
  readonly closeTimeoutMs?: number | undefined
}

/** A message with more than its value. */
export interface KafkaMessage {
  /** `undefined` and `null` = no key. */
  readonly key?: Data | null | undefined
  /** Text and bytes are sent as they are, null is a tombstone, the rest becomes JSON. */
  readonly value: unknown
  /** None by default. */
  readonly headers?: Headers | undefined
  /** Chosen by the partitioner by default. */
  readonly partition?: number | undefined
  /** Milliseconds since the epoch; the time of the call by default. */
  readonly timestamp?: number | undefined
}

/** Below the 30 seconds after which Kubernetes ends a pod. */
const closeTimeoutMsDefault = 25_000

const isProducer = (value: ProducerOptions | ProducerLike): value is ProducerLike =>
  'sendBatch' in value

const isMessage = (data: unknown): data is KafkaMessage =>
  typeof data === 'object' && data !== null && !(data instanceof Uint8Array) && 'value' in data

/** Text and bytes as they are, the rest as JSON: what Nest's own Kafka client does with objects. */
const toData = (value: unknown): Data | null => {
  if (value === null || typeof value === 'string' || value instanceof Uint8Array) return value
  const json: string | undefined = JSON.stringify(value)
  if (json !== undefined) return json
  throw new KafkaError('SERIALIZATION_FAILED', `JSON has no form for ${typeof value}`)
}

const toRecord = (topic: string, data: unknown): ProducerRecord => {
  if (data === undefined || data === null) {
    const words = `an event for topic ${topic} is ${data}: a tombstone is { key, value: null }`
    throw new KafkaError('INVALID_ARGUMENT', words, { topic })
  }
  if (!isMessage(data)) return { topic, value: toData(data) }
  const { key, value, headers, partition, timestamp } = data
  return { topic, key, value: toData(value ?? null), headers, partition, timestamp }
}

/**
 * Emits events as records; the pattern is the topic.
 *
 * @example
 * client.emit('orders', { key: order.id, value: order })
 */
export class MillraceClient extends ClientProxy implements OnApplicationShutdown {
  readonly #producer: ProducerLike
  readonly #closeTimeoutMs: number

  /** Throws INVALID_OPTION where an option of the producer is wrong. Connects to nothing. */
  constructor({ producer, closeTimeoutMs = closeTimeoutMsDefault }: MillraceClientOptions) {
    super()
    this.#producer = isProducer(producer) ? producer : new Producer(producer)
    this.#closeTimeoutMs = closeTimeoutMs
    this.initializeSerializer({})
    this.initializeDeserializer({})
  }

  /** The producer, for what a client proxy has no call for: transactions, streams, metrics. */
  get producer(): ProducerLike {
    return this.#producer
  }

  /** Resolves at once: the producer connects by itself. `producer.connect()` finds out. */
  async connect(): Promise<ProducerLike> {
    return this.#producer
  }

  /**
   * Emits one event, within the call: records keep the order of the calls, and what `data` holds is
   * free to change. Answers where the record is.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as ClientProxy has it
  override emit<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    return this.#hot(() => this.dispatchEvent<TResult>({ pattern, data }))
  }

  /** Emits many events in order, as one call; answers a result for each. */
  emitBatch(pattern: string, messages: readonly unknown[]): Observable<BatchResult> {
    return this.#hot(async () => {
      const topic = this.normalizePattern(pattern)
      return this.#producer.sendBatch(messages.map((message) => toRecord(topic, message)))
    })
  }

  /** Delivers what was emitted, and disconnects; what is left at the time limit fails. */
  close(): Promise<CloseReport> {
    return this.#producer.close({ timeoutMs: this.#closeTimeoutMs })
  }

  /** Called by Nest: delivers what was emitted, and closes the producer. */
  async onApplicationShutdown(): Promise<void> {
    await this.close()
  }

  /** The producer within, as Nest's own clients give theirs. */
  unwrap<T>(): T {
    return this.#producer as T
  }

  protected override async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    return (await this.#producer.send(toRecord(this.normalizePattern(pattern), data))) as T
  }

  protected override publish(_: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const words = 'send() asks for an answer, and millrace only produces: use emit()'
    callback({ err: new KafkaError('INVALID_STATE', words), isDisposed: true })
    return () => {}
  }

  /** Runs at once, as emit() does, whether or not anybody subscribes. */
  #hot<Value>(call: () => Promise<Value>): Observable<Value> {
    const running = call()
    running.catch(() => {})
    return defer(() => running)
  }
}
