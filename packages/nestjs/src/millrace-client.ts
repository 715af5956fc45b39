// MillraceClient, a client proxy of Nest microservices that sends events as Kafka records.
// Applications inject it; MillraceModule creates it. Events emitted before a broker responds wait
// in the producer's bounded buffer. When the application shuts down, Nest closes the client after
// its servers, and close() must deliver the emitted events first.

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
  printableText,
  type RecordMetadata,
} from 'millrace'
import { defer, type Observable } from 'rxjs'
import { toRecord } from './event-record.ts'

/** Options of a `MillraceClient`. */
export interface MillraceClientOptions {
  /** Options of a producer, or a producer; Nest then closes that producer. */
  readonly producer: ProducerOptions | ProducerLike
  /** How long the shutdown waits for emitted events; 25 seconds by default. */
  readonly closeTimeoutMs?: number | undefined
  /**
   * Called with the error of each event that can't be made into a record, whether or not its
   * observable has a subscriber. By default the producer's `onError`, otherwise Nest's logger. The
   * producer reports failures of records itself.
   */
  readonly onError?: ((error: KafkaError) => void) | undefined
}

/** Less than the 30 seconds after which Kubernetes kills a pod. */
const closeTimeoutMsDefault = 25_000

const isProducer = (value: ProducerOptions | ProducerLike): value is ProducerLike =>
  'sendBatch' in value

const optionNames: readonly string[] = ['producer', 'closeTimeoutMs', 'onError']

/** The problem with the options; null = none. The options of a producer are checked by Producer. */
const problemOf = (options: MillraceClientOptions): string | null => {
  if (typeof options !== 'object' || options === null) {
    return `options must be an object, got ${options === null ? 'null' : typeof options}`
  }
  const unknown = Object.keys(options).find((name) => !optionNames.includes(name))
  if (unknown !== undefined) {
    return `unknown option '${unknown}': the options are ${optionNames.join(', ')}`
  }
  const { producer, closeTimeoutMs, onError } = options
  if (typeof producer !== 'object' || producer === null) {
    const got = producer === null ? 'null' : typeof producer
    return `producer must be the options of a producer, or a producer, got ${got}`
  }
  if (
    closeTimeoutMs !== undefined &&
    !(typeof closeTimeoutMs === 'number' && closeTimeoutMs >= 0)
  ) {
    return `closeTimeoutMs must be milliseconds from 0, got ${String(closeTimeoutMs)}`
  }
  if (onError === undefined || typeof onError === 'function') return null
  return `onError must be a function, got ${typeof onError}`
}

/** The result of converting an event: a record, or the error. */
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

  /** Throws INVALID_OPTION if an option is invalid. Opens no connection. */
  constructor(options: MillraceClientOptions) {
    super()
    const problem = problemOf(options)
    if (problem !== null) {
      throw new KafkaError('INVALID_OPTION', printableText(`MillraceClient: ${problem}`))
    }
    const { producer, closeTimeoutMs = closeTimeoutMsDefault, onError } = options
    this.#producer = isProducer(producer) ? producer : new Producer(producer)
    this.#closeTimeoutMs = closeTimeoutMs
    const fallback = isProducer(producer) ? undefined : producer.onError
    this.#onError = onError ?? fallback ?? ((error) => this.#log(error))
    this.initializeSerializer({})
    this.initializeDeserializer({})
  }

  /** The producer, for calls that a client proxy does not have: transactions, streams, metrics. */
  get producer(): ProducerLike {
    return this.#producer
  }

  /**
   * Resolves at once, because the producer connects by itself. To wait for a broker, call
   * `producer.connect()`.
   */
  async connect(): Promise<ProducerLike> {
    return this.#producer
  }

  /**
   * Emits one event. The record is created within the call, so the order of calls is kept and
   * `data` may be changed afterwards. Resolves with the partition and offset of the record.
   */
  // biome-ignore lint/suspicious/noExplicitAny: as ClientProxy has it
  override emit<TResult = any, TInput = any>(pattern: any, data: TInput): Observable<TResult> {
    return this.#hot(() => this.dispatchEvent<TResult>({ pattern, data }))
  }

  /**
   * Emits several events in order, as one call; resolves with a result for each. An event that
   * can't be made into a record fails alone.
   */
  emitBatch(pattern: string, messages: readonly unknown[]): Observable<BatchResult> {
    return this.#hot(async () => {
      const topic = this.normalizePattern(pattern)
      if (!Array.isArray(messages)) {
        const message = `messages must be an array, got ${typeof messages}`
        throw this.#report(new KafkaError('INVALID_ARGUMENT', message, { topic }))
      }
      // Array.from also visits the holes of a sparse array, which are events too.
      const entries = Array.from(messages, (message: unknown) => this.#entryOf(topic, message))
      const sent = await this.#producer.sendBatch(entries.filter(isRecord))
      return merged(entries, sent)
    })
  }

  /** Delivers the emitted events and disconnects; events that remain at the time limit fail. */
  close(): Promise<CloseReport> {
    return this.#producer.close({ timeoutMs: this.#closeTimeoutMs })
  }

  /** Called by Nest: delivers the emitted events and closes the producer. */
  async onApplicationShutdown(): Promise<void> {
    await this.close()
  }

  /** Returns the producer, as Nest's own clients return theirs. */
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

  /** The record of an event, or the error, which this method reports. */
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
      this.#logger.error(printableText(`onError threw: ${String(thrown)}`))
    }
    return error
  }

  #log(error: KafkaError): void {
    this.#logger.error(`An event was not sent: ${error.code}: ${error.message}`)
  }

  /** Runs the call at once, whether or not the observable has a subscriber. */
  #hot<Value>(call: () => Promise<Value>): Observable<Value> {
    const running = call()
    running.catch(() => {})
    return defer(() => running)
  }
}

/** The results of all entries, in order: those of the sent ones, and the errors of the others. */
const merged = (entries: readonly Entry[], sent: BatchResult): BatchResult => {
  let next = 0
  const results = entries.map((entry): RecordMetadata | KafkaError =>
    isRecord(entry) ? sent.results[next++]! : entry,
  )
  return batchResultOf(results)
}
