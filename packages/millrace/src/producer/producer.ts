// What the user holds. It owns one engine, one cluster view and the driver that steps them, turns
// calls into appends, and results into promises and callbacks. Its life: open → closing → closed.

import type { Writable } from 'node:stream'
import { Cluster } from '../cluster/cluster.ts'
import { withCause } from '../engine/batch-errors.ts'
import { Engine } from '../engine/engine.ts'
import { createPartitioner } from '../engine/partitioner.ts'
import type { PartitionView, TopicView } from '../engine/ports.ts'
import type { ProducerRecord, RecordMetadata, Settle, SettleCallback } from '../engine/record.ts'
import type { EngineSettings } from '../engine/settings.ts'
import type { TransactionManager } from '../engine/transaction-manager.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import { systemClock } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import { type Random, systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import type { Transport } from '../runtime/transport.ts'
import type { BatchResult } from './batch-send.ts'
import { announceClosed, announceCreated } from './diagnostics.ts'
import { Driver } from './driver.ts'
import { ExitWatch } from './exit-watch.ts'
import { FailureReporter } from './failure-reporter.ts'
import { createSending } from './interceptors.ts'
import { type MetricsOptions, type ProducerMetrics, readMetrics } from './metrics.ts'
import type { ProducerOptions } from './option-table.ts'
import { resolveOptions } from './options.ts'
import { pushedMetrics } from './pushed-metrics.ts'
import type { RecordCounts } from './record-sink.ts'
import {
  recordWritable,
  recordWritableStream,
  type SendAllOptions,
  sendAll,
  type WritableOptions,
} from './record-stream.ts'
import { runTransaction } from './run-transaction.ts'
import { guarded, type Sending, type SendScope } from './sending.ts'
import { TopicWatch } from './topic-watch.ts'
import { Transaction, type TransactionHost } from './transaction.ts'
import { checkWaitOptions, Patience, type WaitClock, type WaitOptions, waitFor } from './wait.ts'

/** What close() found: every record that was ever taken is one of the two. */
export interface CloseReport {
  /** Records that were acknowledged, since the producer was made. */
  readonly delivered: number
  /** Records that were not, refused ones included. */
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
  readonly #exitWatch: ExitWatch
  readonly #clock: Clock
  readonly #failures: FailureReporter
  readonly #onUntold = (error: KafkaError): void => this.#failures.report(error)
  readonly #waitClock: WaitClock
  readonly #topics: TopicWatch
  readonly #sending: Sending
  readonly #scope: SendScope = {
    check: (call) => this.#checkSends(call),
    onFailed: nothing,
  }
  readonly #settings: EngineSettings
  readonly #origin: EventOrigin
  #roomWaiters: (() => void)[] = []
  /** Told where the producer is closed before a connect() is answered. */
  readonly #connecting = new Set<() => void>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<CloseReport> | null = null
  #endClosing: () => void = nothing

  /**
   * Checks the options; throws one INVALID_OPTION that lists every problem. Connects to nothing.
   */
  constructor(options: ProducerOptions, environment: ProducerEnvironment = systemEnvironment) {
    const resolved = resolveOptions(options)
    const { security } = resolved
    const secured = security.environment(environment)
    const { clock, random } = secured
    this.#clock = clock
    this.#origin = { producer: this, clientId: resolved.cluster.clientId }
    this.#failures = new FailureReporter(resolved.logger, resolved.onError, clock)
    this.#driver = new Driver(clock)
    this.#cluster = new Cluster(
      {
        ...resolved.cluster,
        ...secured,
        sasl: security.sasl(secured, resolved.logger),
        origin: this.#origin,
        telemetry: resolved.enableMetricsPush ? pushedMetrics(this, resolved.engine) : undefined,
      },
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
        wake: () => {
          this.#exitWatch.begin()
          this.#driver.wake()
        },
        onUnclaimedFailure: (error) => this.#failures.report(error),
        onCallbackError: (thrown) => this.#failures.callbackFailed(thrown),
        onRoom: () => this.#onRoom(),
      },
      this.#cluster,
      createPartitioner(resolved.partitioner, random),
      this.#origin,
    )
    this.#topics = new TopicWatch(this.#cluster, resolved.engine, this.#engine.deadlines)
    this.#waitClock = {
      deadlines: this.#engine.deadlines,
      now: () => clock.now(),
      wake: () => this.#engine.wake(),
      trouble: () => this.#engine.transactions?.lastError ?? this.#cluster.metadataError,
    }
    this.#settings = resolved.engine
    const { interceptors } = resolved
    this.#sending = createSending(this, interceptors, this.#engine, this.#failures, this.#waitClock)
    this.#driver.start(this.#engine)
    this.#exitWatch = new ExitWatch(this.#engine, resolved.logger)
    announceCreated(this.#origin)
  }

  /**
   * Sends one record; resolves when it is acknowledged as `acks` says. Waits for room in the buffer
   * and for metadata up to maxBlockMs. A failed send rejects with a KafkaError whose `persisted`
   * says whether the record may be in the log, and is also told to `onError` (or logged): a promise
   * that nobody awaits never ends the process. The record's bytes are free to change when the call
   * returns.
   *
   * @example
   * const { offset } = await producer.send({ topic: 'orders', key: 'a', value: 'first' })
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#sending.send(this.#scope, record, options)
  }

  /**
   * Sends records in order; resolves when each has its result, and never rejects because of a
   * record: `results[i]` is where record i is, or the KafkaError that says why not. The array must
   * not change until then; it may be larger than the buffer.
   *
   * @example
   * const { results, failedIndexes } = await producer.sendBatch([{ topic: 'orders', value: 'a' }])
   */
  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#sending.sendBatch(this.#scope, records, options)
  }

  /**
   * Takes one record without a promise: the fastest way. true = taken, and `callback`, if given, is
   * called once, later, with the error or the metadata. false = the buffer is full or others wait
   * in line: nothing was taken, the callback is never called; `await producer.ready()` and try
   * again. Throws a KafkaError where the record is wrong or the producer is closed.
   *
   * @example
   * while (!producer.enqueue({ topic: 'clicks', value: 'x' })) await producer.ready()
   */
  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#sending.enqueue(this.#scope, record, callback)
  }

  /**
   * Takes one record as `enqueue` does, but waits for room in its turn, behind whoever came before.
   * Answers `undefined`, or resolves, when the record is taken; `receiver`, if given, is then told
   * its result once, later, never inside a call of the user's. Rejects where the record was not
   * taken (it is wrong, there was no room within maxBlockMs, the producer is closed, the caller
   * gave up): the receiver hears nothing. Once it is taken, `options` limit its delivery, as with
   * `send`. In line, too, the record's bytes are our own.
   *
   * @example
   * await producer.submit({ topic: 'clicks', value: 'x' }, (error, metadata) => {})
   */
  submit(
    record: ProducerRecord,
    receiver: Settle | null = null,
    options?: WaitOptions,
  ): Promise<undefined> | undefined {
    return this.#sending.submit(this.#scope, record, receiver, options)
  }

  /**
   * Sends what an iterable gives, as fast as there is room; resolves with the counts when all is
   * settled. Rejects with the first failure, unless `onFailed` is told of failures.
   *
   * @example
   * const { delivered } = await producer.sendAll(readRecords(file), { signal })
   */
  sendAll(
    source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
    options?: SendAllOptions,
  ): Promise<RecordCounts> {
    return guarded(sendAll(this, source, options, this.#onUntold))
  }

  /** A Writable of Node that takes records; `end()` waits for their delivery, not for close(). */
  writable(options?: WritableOptions): Writable {
    return recordWritable(this, options, this.#onUntold)
  }

  /** The same as a WritableStream of the web. */
  writableStream(options?: WritableOptions): WritableStream<ProducerRecord> {
    return recordWritableStream(this, options, this.#onUntold)
  }

  /** Resolves when the buffer has room and nobody waits in line. */
  ready(options?: WaitOptions): Promise<void> {
    return guarded(
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
    return guarded(
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
    return guarded(
      waitFor<void>('connect', options, this.#waitClock, (resolve, reject) => {
        this.#checkOpen('connect')
        const onClose = (): void => {
          reject(new KafkaError('CLOSED', 'connect: the producer is closed'))
        }
        this.#connecting.add(onClose)
        this.#cluster.connect((error) => {
          this.#connecting.delete(onClose)
          if (error === null) resolve()
          else reject(error)
        })
        return () => this.#connecting.delete(onClose)
      }),
    )
  }

  /** A topic's partitions, index = partition number, each with its leader (-1 = none now). */
  partitionsFor(topic: string, options?: WaitOptions): Promise<readonly PartitionView[]> {
    return guarded(
      waitFor('partitionsFor', options, this.#waitClock, (resolve, reject) => {
        this.#checkOpen('partitionsFor')
        if (typeof topic !== 'string' || topic === '') {
          throw new KafkaError('INVALID_ARGUMENT', 'topic is no topic name')
        }
        const known = this.#engine.accumulator.topic(topic)
        if (known?.known === true) {
          resolve(known.queues.map(({ leaderId, leaderEpoch }) => ({ leaderId, leaderEpoch })))
          return nothing
        }
        const forget = this.#topics.watch(topic, this.#clock.now(), resolve, reject)
        this.#engine.wake()
        return forget
      }),
    )
  }

  /**
   * Begins a transaction; needs the option `transactionalId`. The first one also gets the producer
   * id, and fences whoever used the transactional id before. Rejects with INVALID_STATE while
   * another transaction is under way, with FENCED where another producer took over. Waits up to
   * maxBlockMs, or as `options` say.
   *
   * @example
   * await using transaction = await producer.beginTransaction()
   * transaction.enqueue({ topic: 'orders', value: 'a' })
   * await transaction.commit()
   */
  beginTransaction(options?: WaitOptions): Promise<Transaction> {
    const limited = { timeoutMs: this.#settings.maxBlockMs, ...options }
    return guarded(
      waitFor('beginTransaction', limited, this.#waitClock, (resolve, reject) => {
        this.#checkOpen('beginTransaction')
        const manager = this.#transactions('beginTransaction')
        manager.begin((error, number) => {
          if (error === null) resolve(new Transaction(this.#transactionHost(manager), number))
          else reject(error)
        })
        return () => manager.forgetBegin()
      }),
    )
  }

  /**
   * Runs `work` in a transaction: commits when it returns, and answers what it returned; aborts
   * when it throws, or when `options` end the wait, and rejects with that error. Records sent in it
   * need not be awaited: the commit waits for them, and fails when one of them failed.
   *
   * @example
   * await producer.transaction((transaction) => {
   *   transaction.enqueue({ topic: 'debits', key: 'a', value: '-10' })
   *   transaction.enqueue({ topic: 'credits', key: 'b', value: '+10' })
   * })
   */
  transaction<Value>(
    work: (transaction: Transaction) => Value | Promise<Value>,
    options?: WaitOptions,
  ): Promise<Value> {
    const begin = (limits: WaitOptions | undefined) => this.beginTransaction(limits)
    return guarded(runTransaction(begin, work, options, this.#waitClock))
  }

  #transactions(call: string): TransactionManager {
    const { transactions } = this.#engine
    if (transactions !== null) return transactions
    throw new KafkaError('INVALID_STATE', `${call} needs the option transactionalId`)
  }

  #transactionHost(manager: TransactionManager): TransactionHost {
    return {
      manager,
      sending: this.#sending,
      waitClock: this.#waitClock,
      maxBlockMs: this.#settings.maxBlockMs,
      checkOpen: (call) => this.#checkOpen(call),
    }
  }

  /** Counts since the producer was made, and what it holds now: see docs/telemetry.md. */
  metrics(options?: MetricsOptions): ProducerMetrics {
    return readMetrics(this.#engine, this.#cluster, this.#origin.clientId, options)
  }

  /**
   * Takes no more records, delivers those it has, and disconnects. With `timeoutMs` (or when
   * `signal` aborts) what is left by then fails with ABORTED. Resolves when every record has its
   * result; a second call gets the same promise.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    if (this.#closing !== null) return this.#closing
    try {
      checkWaitOptions(options)
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    if (this.#state === 'open') this.#state = 'closing'
    this.#closing = new Promise((resolve) => {
      let patience: Patience | null = null
      const end = (): void => {
        patience?.stop()
        this.#endClosing = nothing
        this.#shutDown()
        const report = this.#report()
        announceClosed(this.#origin, report)
        resolve(report)
      }
      this.#endClosing = end
      if (this.#state === 'closed') {
        this.#engine.flush(end)
        return
      }
      // In a turn of its own: callbacks never run inside the caller's abort() or close().
      const giveUp = (): void => this.#clock.setImmediate(() => this.destroy())
      const limits = this.#closeLimits(options)
      if (options?.signal?.aborted) giveUp()
      else if (limits !== undefined) patience = new Patience(limits, this.#waitClock, giveUp)
      const leave = (): void => this.#cluster.leave(() => this.#endClosing())
      const drain = (): void => this.#engine.flush(leave)
      if (this.#engine.transactions === null) drain()
      else this.#engine.transactions.finish(drain)
    })
    return this.#closing
  }

  /** Records have deadlines of their own; the end of a transaction gets as long as a record. */
  #closeLimits(options: WaitOptions | undefined): WaitOptions | undefined {
    if (this.#engine.transactions === null) return options
    return { timeoutMs: this.#settings.deliveryTimeoutMs, ...options }
  }

  /**
   * Fails everything that is not settled with ABORTED, naming `error` as the cause, and
   * disconnects.
   */
  destroy(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const cause = error ?? null
    this.#engine.failAll(
      'ABORTED',
      'the producer was closed before the record was delivered',
      cause,
    )
    const closed = withCause('CLOSED', 'the producer was closed', {}, cause)
    this.#engine.transactions?.destroy(closed)
    this.#shutDown()
    // At once, but where a callback destroys us: then when the records behind its own are told.
    if (this.#closing === null) this.close()
    else this.#engine.flush(() => this.#endClosing())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(nothing)
  }

  #shutDown(): void {
    this.#state = 'closed'
    this.#driver.stop()
    this.#exitWatch.end()
    this.#engine.transactions?.destroy(new KafkaError('CLOSED', 'the producer is closed'))
    this.#cluster.close()
    this.#topics.close()
    for (const onClose of this.#connecting) onClose()
    this.#connecting.clear()
    this.#onRoom()
  }

  #report(): CloseReport {
    const { recordsDelivered, recordsFailed } = this.#engine.measurements
    return { delivered: recordsDelivered, failed: recordsFailed }
  }

  #checkOpen(call: string): void {
    if (this.#state === 'open') return
    throw new KafkaError('CLOSED', `${call}: the producer is ${this.#state}`)
  }

  #checkSends(call: string): void {
    if (this.#state !== 'open') this.#checkOpen(call)
    if (this.#engine.transactions === null) return
    throw new KafkaError(
      'INVALID_STATE',
      `${call}: with a transactionalId, records are sent through a transaction: ` +
        'producer.transaction(…) or producer.beginTransaction()',
    )
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
