// What the user holds. It owns one engine, one cluster view and the driver that steps them, turns
// calls into appends, and results into promises and callbacks. Its life: open → closing → closed.

import { Cluster } from '../cluster/cluster.ts'
import type { Place } from '../engine/accumulator.ts'
import { Engine } from '../engine/engine.ts'
import { createPartitioner } from '../engine/partitioner.ts'
import type { PartitionView, TopicView } from '../engine/ports.ts'
import type { ProducerRecord, RecordMetadata, Settle } from '../engine/record.ts'
import { KafkaError, type Persisted } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import { systemClock } from '../runtime/clock.ts'
import { type Random, systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import type { Transport } from '../runtime/transport.ts'
import { type BatchResult, BatchSend } from './batch-send.ts'
import { Driver } from './driver.ts'
import { FailureReporter } from './failure-reporter.ts'
import { type ProducerMetrics, readMetrics } from './metrics.ts'
import type { ProducerOptions } from './option-table.ts'
import { resolveOptions } from './options.ts'
import { TopicWatch } from './topic-watch.ts'
import { checkWaitOptions, Patience, type WaitClock, type WaitOptions, waitFor } from './wait.ts'

/** What close() found: every record that was ever taken is one of the two. */
export interface CloseReport {
  readonly delivered: number
  readonly failed: number
}

/** What a producer runs on; tests and the simulator bring their own. */
export interface ProducerEnvironment {
  readonly clock: Clock
  readonly random: Random
  readonly transport: Transport
}

const systemEnvironment: ProducerEnvironment = {
  clock: systemClock,
  random: systemRandom,
  transport: tcpTransport,
}

const nothing = (): void => {}

/**
 * A Kafka producer: idempotent by default, batches by itself, connects when first needed.
 *
 * @example
 * const producer = new Producer({ brokers: 'localhost:9092' })
 * const { partition, offset } = await producer.send({ topic: 'orders', key: '42', value: '{}' })
 * await producer.close()
 */
export class Producer {
  readonly #engine: Engine
  readonly #cluster: Cluster
  readonly #driver: Driver
  readonly #clock: Clock
  readonly #failures: FailureReporter
  readonly #waitClock: WaitClock
  readonly #topics: TopicWatch
  #roomWaiters: (() => void)[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<CloseReport> | null = null
  #endClosing: () => void = nothing
  #refused = 0

  /** Checks the options; throws one INVALID_OPTION that lists every problem. Connects to nothing. */
  constructor(options: ProducerOptions, environment: ProducerEnvironment = systemEnvironment) {
    const resolved = resolveOptions(options)
    const { clock, random } = environment
    this.#clock = clock
    this.#failures = new FailureReporter(resolved.logger, resolved.onError, clock)
    this.#driver = new Driver(clock)
    this.#cluster = new Cluster(
      { ...resolved.cluster, ...environment },
      {
        onTopic: (view) => this.#onTopic(view),
        onTopicFailed: (name, error, final) => this.#onTopicFailed(name, error, final),
        onLinkReady: (nodeId) => this.#engine.onLinkReady(nodeId),
        onLinkDown: (nodeId, error) => this.#engine.onLinkDown(nodeId, error),
        onProducerId: (identity) => this.#engine.onProducerId(identity),
        onProducerIdFailed: (error) => this.#engine.onProducerIdFailed(error),
      },
    )
    this.#engine = new Engine(
      resolved.engine,
      {
        now: () => clock.now(),
        wallTime: () => clock.wallTime(),
        random: () => random.next(),
        wake: () => this.#driver.wake(),
        onUnclaimedFailure: (error) => this.#failures.report(error),
        onCallbackError: (thrown) => this.#failures.callbackFailed(thrown),
        onRoom: () => this.#onRoom(),
      },
      this.#cluster,
      createPartitioner(resolved.partitioner, random),
    )
    this.#topics = new TopicWatch(this.#cluster, resolved.engine.unknownTopicTimeoutMs)
    this.#waitClock = {
      deadlines: this.#engine.deadlines,
      now: () => clock.now(),
      wake: () => this.#engine.wake(),
    }
    this.#driver.start(this.#engine)
  }

  /**
   * Sends one record; resolves when it is acknowledged as `acks` says. Waits for room in the buffer
   * and for metadata up to maxBlockMs. A failed send rejects with a KafkaError whose `persisted` says
   * whether the record may be in the log, and is also told to `onError` (or logged): a promise that
   * nobody awaits never ends the process. The record's bytes are free to change when the call returns.
   *
   * @example
   * const { partition, offset } = await producer.send({ topic: 'orders', key: 'a', value: 'first' })
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    if (options !== undefined) return this.#sendWithOptions(record, options)
    let settle: Settle = nothing
    const promise = new Promise<RecordMetadata>((resolve, reject) => {
      settle = (error, metadata) => {
        if (error === null) resolve(metadata!)
        else {
          promise.catch(nothing)
          this.#failures.report(error)
          reject(error)
        }
      }
    })
    try {
      this.#checkOpen('send')
      this.#engine.append(record, settle)
    } catch (error) {
      this.#refused++
      settle(error as KafkaError, null)
    }
    return promise
  }

  #sendWithOptions(record: ProducerRecord, options: WaitOptions): Promise<RecordMetadata> {
    const promise = new Promise<RecordMetadata>((resolve, reject) => {
      checkWaitOptions(options)
      this.#checkOpen('send')
      if (options.signal?.aborted) throw aborted(record, options, 'aborted', 'no')
      let patience: Patience | null = null
      const settle: Settle = (error, metadata) => {
        patience?.stop()
        if (error === null) resolve(metadata!)
        else reject(error)
      }
      const place: Place = this.#engine.append(record, settle)
      patience = new Patience(options, this.#waitClock, (why) => {
        const cause = this.#engine.troubleOf(place)
        const persisted = this.#engine.abandon(place, settle)
        reject(aborted(record, options, why, persisted, cause))
      })
    })
    promise.catch((error) => this.#failures.report(error))
    return promise
  }

  /**
   * Sends records in order; resolves when each has its result, and never rejects because of a record:
   * `results[i]` is where record i is, or the KafkaError that says why not. The array must not change
   * until then; it may be larger than the buffer.
   *
   * @example
   * const { results, failedIndexes } = await producer.sendBatch([{ topic: 'orders', value: 'a' }])
   */
  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    const promise = new Promise<BatchResult>((resolve) => {
      checkWaitOptions(options)
      this.#checkOpen('sendBatch')
      if (!Array.isArray(records)) {
        throw new KafkaError('INVALID_ARGUMENT', 'records is no array of records')
      }
      let patience: Patience | null = null
      const batch = new BatchSend(this.#engine, records, options !== undefined, (result) => {
        patience?.stop()
        resolve(result)
      })
      if (options?.signal?.aborted) {
        batch.giveUp((persisted) => aborted(null, options, 'aborted', persisted))
        return
      }
      batch.start()
      if (options === undefined) return
      patience = new Patience(options, this.#waitClock, (why) => {
        batch.giveUp((persisted) => aborted(null, options, why, persisted))
      })
    })
    promise.catch(nothing)
    return promise
  }

  /**
   * Takes one record without a promise: the fastest way. true = taken, and `callback`, if given, is
   * called once, later, with the error or the metadata. false = the buffer is full or others wait in
   * line: nothing was taken, the callback is never called; `await producer.ready()` and try again.
   * Throws a KafkaError where the record is wrong or the producer is closed.
   *
   * @example
   * while (!producer.enqueue({ topic: 'clicks', value: 'x' })) await producer.ready()
   */
  enqueue(record: ProducerRecord, callback?: Settle): boolean {
    if (this.#state !== 'open') this.#checkOpen('enqueue')
    if (callback !== undefined && typeof callback !== 'function') {
      throw new KafkaError('INVALID_ARGUMENT', 'callback is no function')
    }
    return this.#engine.tryAppend(record, callback ?? null)
  }

  /** Resolves when the buffer has room and nobody waits in line. */
  ready(options?: WaitOptions): Promise<void> {
    return this.#guard(
      waitFor<void>('ready', options, this.#waitClock, (resolve) => {
        this.#checkOpen('ready')
        if (this.#engine.accumulator.hasRoom) {
          resolve()
          return nothing
        }
        const waiter = (): void => resolve()
        this.#roomWaiters.push(waiter)
        this.#engine.accumulator.wantRoom()
        return () => {
          this.#roomWaiters = this.#roomWaiters.filter((other) => other !== waiter)
        }
      }),
    )
  }

  /** Resolves when every record taken before the call is settled, delivered or not. */
  flush(options?: WaitOptions): Promise<void> {
    return this.#guard(
      waitFor<void>('flush', options, this.#waitClock, (resolve) => {
        if (this.#state === 'closed') resolve()
        else this.#engine.flush(() => resolve())
        return nothing
      }),
    )
  }

  /**
   * Warms up: resolves when a broker has answered. Optional; the first send connects by itself.
   * Rejects with an error that names each address that was tried, and why it failed.
   */
  connect(options?: WaitOptions): Promise<void> {
    return this.#guard(
      waitFor<void>('connect', options, this.#waitClock, (resolve, reject) => {
        this.#checkOpen('connect')
        this.#cluster.connect((error) => (error === null ? resolve() : reject(error)))
        return nothing
      }),
    )
  }

  /** The partitions of a topic, index = partition number, with the node that leads each (-1 = none now). */
  partitionsFor(topic: string, options?: WaitOptions): Promise<readonly PartitionView[]> {
    return this.#guard(
      waitFor('partitionsFor', options, this.#waitClock, (resolve, reject) => {
        this.#checkOpen('partitionsFor')
        if (typeof topic !== 'string' || topic === '') {
          throw new KafkaError('INVALID_ARGUMENT', 'topic is no topic name')
        }
        return this.#topics.watch(topic, this.#clock.now(), resolve, reject)
      }),
    )
  }

  /** Counts since the producer was made, and what it holds now. */
  metrics(): ProducerMetrics {
    return readMetrics(this.#engine, this.#cluster, this.#refused)
  }

  /**
   * Takes no more records, delivers those it has, and disconnects. With `timeoutMs` (or when `signal`
   * aborts) what is left by then fails with ABORTED. Resolves when every record has its result; a second
   * call gets the same promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    if (this.#closing !== null) return this.#closing
    try {
      checkWaitOptions(options)
    } catch (error) {
      return Promise.reject(error)
    }
    if (this.#state === 'open') this.#state = 'closing'
    this.#closing = new Promise((resolve) => {
      let patience: Patience | null = null
      const end = (): void => {
        patience?.stop()
        this.#endClosing = nothing
        this.#shutDown()
        resolve(this.#report())
      }
      this.#endClosing = end
      if (this.#state === 'closed' || options?.signal?.aborted) {
        this.destroy()
        end()
        return
      }
      if (options !== undefined)
        patience = new Patience(options, this.#waitClock, () => this.destroy())
      this.#engine.flush(() => this.#endClosing())
    })
    return this.#closing
  }

  /** Fails everything that is not settled with ABORTED, naming `error` as the cause, and disconnects. */
  destroy(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const words = error === undefined ? '' : `: ${error.message}`
    this.#engine.failAll(
      'ABORTED',
      `the producer was closed before the record was delivered${words}`,
    )
    this.#shutDown()
    this.#endClosing()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(nothing)
  }

  #shutDown(): void {
    this.#state = 'closed'
    this.#driver.stop()
    this.#cluster.close()
    this.#topics.close()
    this.#onRoom()
  }

  #report(): CloseReport {
    const { recordsDelivered, recordsFailed } = this.metrics()
    return { delivered: recordsDelivered, failed: recordsFailed }
  }

  #checkOpen(call: string): void {
    if (this.#state === 'open') return
    throw new KafkaError('CLOSED', `${call}: the producer is ${this.#state}`)
  }

  /** A rejection that nobody awaits never reaches the process. */
  #guard<Value>(promise: Promise<Value>): Promise<Value> {
    promise.catch(nothing)
    return promise
  }

  #onRoom(): void {
    const waiters = this.#roomWaiters
    this.#roomWaiters = []
    for (const waiter of waiters) waiter()
  }

  #onTopic(view: TopicView): void {
    this.#engine.onTopic(view)
    this.#topics.onTopic(view)
  }

  #onTopicFailed(name: string, error: KafkaError, final: boolean): void {
    this.#engine.onTopicFailed(name, error, final)
    this.#topics.onTopicFailed(name, error, final, this.#clock.now())
  }
}

const aborted = (
  record: ProducerRecord | null,
  options: WaitOptions,
  why: 'aborted' | 'timeout',
  persisted: Persisted,
  trouble: KafkaError | null = null,
): KafkaError => {
  const fate = persisted === 'no' ? 'it was not sent' : 'it may have been written'
  const context = { persisted, topic: record?.topic, cause: trouble ?? undefined }
  const reason = trouble === null ? '' : `: ${trouble.message}`
  return why === 'timeout'
    ? new KafkaError(
        'DELIVERY_TIMEOUT',
        `not delivered within ${options.timeoutMs} ms; ${fate}${reason}`,
        context,
      )
    : new KafkaError('ABORTED', `aborted by its signal; ${fate}`, {
        ...context,
        cause: options.signal?.reason,
      })
}
