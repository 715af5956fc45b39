// A client proxy of Nest's microservices whose events are records of Kafka. It needs no connection
// to take events: what is emitted before brokers respond waits in the producer, bounded, and its
// failure is reported. Nest closes it when the application shuts down, after its servers: what was
// emitted is delivered first.

import { Logger, type OnApplicationShutdown } from '@nestjs/common'
import { ClientProxy, type ReadPacket, type WritePacket } from '@nestjs/microservices'
import {
  type BatchResult,
  batchResultOf,
  type CloseReport,
  KafkaError,
  Producer,
  type ProducerLike,
  type ProducerOptions,
  type ProducerRecord,
  type RecordMetadata,
} from 'millrace'
import { defer, type Observable } from 'rxjs'
import { toRecord } from './event-record.ts'

/** Options of a `MillraceClient`. */
export interface MillraceClientOptions {
  /** Options of the producer; or a producer, which Nest then closes. */
  readonly producer: ProducerOptions | ProducerLike
  /** How long the shutdown waits for what was emitted; 25 seconds by default. */
  readonly closeTimeoutMs?: number | undefined
  /**
   * Called with the error of each event of which no record could be made, whether or not its
   * observable has a subscriber; by default the producer's `onError`, else Nest's logger. Failures
   * of records go where the producer reports them.
   */
  readonly onError?: ((error: KafkaError) => void) | undefined
}

/** Below the 30 seconds after which Kubernetes ends a pod. */
const closeTimeoutMsDefault = 25_000

const isProducer = (value: ProducerOptions | ProducerLike): value is ProducerLike =>
  'sendBatch' in value

/** What an event became: a record, or the reason why there is none. */
type Entry = ProducerRecord | KafkaError

const isRecord = (entry: Entry): entry is ProducerRecord => !(entry instanceof KafkaError)

/**
 * Emits events as records; the pattern is the topic.
 *
 * @example
 * client.emit('orders', { key: order.id, value: order })
 */
export class MillraceClient extends ClientProxy implements OnApplicationShutdown {
  readonly #producer: ProducerLike
  readonly #closeTimeoutMs: number
  readonly #onError: (error: KafkaError) => void
  readonly #logger = new Logger(MillraceClient.name)

  /** Throws INVALID_OPTION if an option of the producer is wrong. Connects to nothing. */
  constructor(options: MillraceClientOptions) {
    super()
    const { producer, closeTimeoutMs = closeTimeoutMsDefault, onError } = options
    this.#producer = isProducer(producer) ? producer : new Producer(producer)
    this.#closeTimeoutMs = closeTimeoutMs
    const fallback = isProducer(producer) ? undefined : producer.onError
    this.#onError = onError ?? fallback ?? ((error) => this.#log(error))
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
   * free to change. Resolves with where the record is.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as ClientProxy has it
  override emit<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    return this.#hot(() => this.dispatchEvent<TResult>({ pattern, data }))
  }

  /**
   * Emits many events in order, as one call; resolves with a result for each. One of which no
   * record can be made fails alone.
   */
  emitBatch(pattern: string, messages: readonly unknown[]): Observable<BatchResult> {
    return this.#hot(async () => {
      const topic = this.normalizePattern(pattern)
      if (!Array.isArray(messages)) {
        const message = `messages must be an array, got ${typeof messages}`
        throw this.#report(new KafkaError('INVALID_ARGUMENT', message, { topic }))
      }
      // A hole of the array is an entry, too: Array.from visits it.
      const entries = Array.from(messages, (message: unknown) => this.#entryOf(topic, message))
      const sent = await this.#producer.sendBatch(entries.filter(isRecord))
      return merged(entries, sent)
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
    const entry = this.#entryOf(this.normalizePattern(pattern), data)
    if (!isRecord(entry)) throw entry
    return (await this.#producer.send(entry)) as T
  }

  protected override publish(_: ReadPacket, callback: (packet: WritePacket) => void): () => void {
    const message = 'send() waits for a response, and millrace only produces: use emit()'
    callback({ err: new KafkaError('INVALID_STATE', message), isDisposed: true })
    return () => {}
  }

  /** The record of an event, or why there is none: that is reported here. */
  #entryOf(topic: string, data: unknown): Entry {
    try {
      return toRecord(topic, data)
    } catch (thrown) {
      if (thrown instanceof KafkaError) return this.#report(thrown)
      // A getter of the caller's object threw.
      const message = `the event can't be read: ${String(thrown)}`
      const options = { topic, cause: thrown }
      return this.#report(new KafkaError('SERIALIZATION_FAILED', message, options))
    }
  }

  #report(error: KafkaError): KafkaError {
    try {
      this.#onError(error)
    } catch (thrown) {
      this.#logger.error(`onError threw: ${String(thrown)}`)
    }
    return error
  }

  #log(error: KafkaError): void {
    this.#logger.error(`An event was not sent: ${error.code}: ${error.message}`)
  }

  /** Runs at once, as emit() does, whether or not it has a subscriber. */
  #hot<Value>(call: () => Promise<Value>): Observable<Value> {
    const running = call()
    running.catch(() => {})
    return defer(() => running)
  }
}

/** The results of the entries that were sent, between those that were not. */
const merged = (entries: readonly Entry[], sent: BatchResult): BatchResult => {
  let next = 0
  const results = entries.map((entry): RecordMetadata | KafkaError =>
    isRecord(entry) ? sent.results[next++]! : entry,
  )
  return batchResultOf(results)
}
