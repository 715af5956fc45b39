// Owns one engine, one cluster client and the driver that steps the engine. It converts calls into
// appended records, and results into promises and callbacks. Caller: the user. Invariant: the
// states are open → closing → closed; a closed producer accepts nothing.

import type { Writable } from 'node:stream'
import { Cluster } from '../cluster-client/cluster-client.ts'
import { Engine, type PurgeScope } from '../engine/engine.ts'
import type { EngineEvents, PartitionView } from '../engine/ports.ts'
import type { ProducerRecord, RecordMetadata, Settle, SettleCallback } from '../engine/record.ts'
import type { EngineHost } from '../engine/settings.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { topicNameProblem } from '../protocol/topic-name.ts'
import type { Clock } from '../runtime/clock.ts'
import type { EventOrigin } from '../runtime/diagnostics.ts'
import type { Random } from '../runtime/random.ts'
import type { BatchResult } from './batch-result.ts'
import { callbackProblem, guarded } from './caller.ts'
import { ConnectCalls } from './connect-calls.ts'
import { DeadLetters } from './dead-letters/dead-letters.ts'
import { announceCreated } from './diagnostics.ts'
import { Driver } from './driver.ts'
import { type ProducerEnvironment, systemEnvironment } from './environment.ts'
import { ExitWatch } from './exit-watch.ts'
import { FailureReporter } from './failure-reporter.ts'
import { createSending } from './interceptors.ts'
import { type MetricsOptions, type ProducerMetrics, readMetrics } from './metrics.ts'
import { type EffectiveOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { OutageReport } from './outage-report.ts'
import { type CloseReport, ProducerLifecycle } from './producer-lifecycle.ts'
import type { ProducerOptions } from './producer-options.ts'
import { flushSpool, ProducerSpool } from './producer-spool.ts'
import { purgeRecords } from './purge.ts'
import { pushedMetrics } from './pushed-metrics.ts'
import { ReadyCalls } from './ready-calls.ts'
import type { RecordCounts } from './record-sink.ts'
import {
  recordWritable,
  recordWritableStream,
  type SendAllOptions,
  sendAll,
  type WritableOptions,
} from './record-stream.ts'
import type { Sending, SendScope } from './sending.ts'
import { type ProducerStatus, readStatus } from './status.ts'
import { TopicWatch } from './topic-watch.ts'
import { topicPartitioners } from './topics-option.ts'
import type { Transaction } from './transaction.ts'
import { TransactionCalls } from './transaction-calls.ts'
import { type WaitClock, type WaitOptions, waitFor } from './wait.ts'

const nothing = (): void => {}

/** The result of every submit() whose record is accepted at once. */
const taken = Promise.resolve()

/**
 * A Kafka producer: idempotent by default, with automatic batching; connects at first use.
 *
 * @example
 * const producer = new Producer({ brokers: 'localhost:9092' })
 * const { partition, offset } = await producer.send({ topic: 'orders', key: '42', value: '{}' })
 * await producer.close()
 */
export class Producer {
  /** The options in effect, with the defaults: plain values, without secrets. */
  readonly options: EffectiveOptions
  readonly #engine: Engine
  readonly #cluster: Cluster
  readonly #driver: Driver
  readonly #exitWatch: ExitWatch
  readonly #clock: Clock
  readonly #failures: FailureReporter
  readonly #onUnobserved = (error: KafkaError): void => this.#failures.report(error)
  readonly #waitClock: WaitClock
  readonly #topics: TopicWatch
  /** Null without the option. */
  readonly #spool: ProducerSpool | null
  /** Null without the option. */
  readonly #deadLetters: DeadLetters | null
  readonly #sending: Sending
  readonly #scope: SendScope = {
    check: (call) => this.#checkSends(call),
    onFailed: nothing,
  }
  readonly #origin: EventOrigin
  readonly #lifecycle: ProducerLifecycle
  readonly #outages: OutageReport
  readonly #readyCalls: ReadyCalls
  readonly #connectCalls: ConnectCalls
  readonly #transactions: TransactionCalls

  /** Checks the options: throws one INVALID_OPTION with all problems. Does not connect. */
  constructor(options: ProducerOptions)
  /**
   * With another clock, network or random numbers.
   * @internal
   */
  constructor(options: ProducerOptions, environment?: ProducerEnvironment)
  constructor(options: ProducerOptions, environment: ProducerEnvironment = systemEnvironment) {
    const resolved = resolveOptions(options)
    const secured = resolved.security.environment(environment)
    const { clock, random } = secured
    this.#clock = clock
    const origin = { producer: this, clientId: resolved.cluster.clientId }
    this.#origin = origin
    this.options = resolved.effective
    this.#failures = new FailureReporter(resolved.logger, resolved.onError, clock)
    this.#driver = new Driver(clock)
    this.#cluster = new Cluster(
      {
        ...resolved.cluster,
        ...secured,
        sasl: resolved.security.sasl(secured, resolved.logger),
        origin: this.#origin,
        telemetry: resolved.enableMetricsPush ? pushedMetrics(this, resolved.engine) : undefined,
      },
      this.#clusterEvents(),
    )
    this.#deadLetters = DeadLetters.of(resolved, environment, this.#failures)
    this.#spool = this.#makeSpool(resolved, environment)
    this.#engine = new Engine(
      resolved.engine,
      this.#engineHost(clock, random),
      this.#cluster,
      topicPartitioners(resolved, random),
      this.#origin,
      this.#spool,
      this.#deadLetters,
    )
    this.#deadLetters?.start(this.#engine, this.#spool)
    this.#topics = new TopicWatch(this.#cluster, resolved.engine, this.#engine.deadlines)
    this.#waitClock = {
      deadlines: this.#engine.deadlines,
      now: () => clock.now(),
      wake: () => this.#engine.wake(),
      blockingError: () => this.#engine.readings.blockingError,
    }
    this.#sending = createSending(origin, resolved, this.#engine, this.#failures, this.#waitClock)
    this.#lifecycle = new ProducerLifecycle({
      engine: this.#engine,
      cluster: this.#cluster,
      spool: this.#spool,
      deadLetters: this.#deadLetters,
      clock,
      waitClock: this.#waitClock,
      origin: this.#origin,
      onShutDown: () => this.#onShutDown(),
    })
    this.#driver.start(this.#engine)
    this.#exitWatch = new ExitWatch(this.#engine, resolved.logger)
    this.#readyCalls = new ReadyCalls(this.#engine, this.#waitClock)
    this.#outages = this.#makeOutageReport(resolved)
    this.#connectCalls = this.#makeConnectCalls()
    this.#transactions = new TransactionCalls({
      manager: this.#engine.transactions,
      sending: this.#sending,
      waitClock: this.#waitClock,
      maxBlockMs: resolved.engine.maxBlockMs,
      checkOpen: (call) => this.#lifecycle.checkOpen(call),
    })
    this.#spool?.open(this.#engine)
    announceCreated(this.#origin)
  }

  /**
   * Sends one record; resolves when it is acknowledged as `acks` requires. Waits for buffer space
   * and for metadata up to maxBlockMs. A failed send rejects with a KafkaError whose `persisted`
   * says whether the record may be in the log, and is also reported to `onError` (or logged): a
   * promise that is not awaited never ends the process. The record's bytes may be changed after the
   * call has returned.
   *
   * @example
   * const { offset } = await producer.send({ topic: 'orders', key: 'a', value: 'first' })
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#sending.send(this.#scope, record, options)
  }

  /**
   * Sends records in order; resolves when each has its result, and never rejects because of a
   * record: `results[i]` is its metadata, or the KafkaError with the reason of its failure. Reading
   * `failedIndexes` and `offset(i)` creates no object per record. The array must not change until
   * then; it may be larger than the buffer, and has at most 16,777,216 records.
   *
   * @example
   * const { failedIndexes } = await producer.sendBatch([{ topic: 'orders', value: 'a' }])
   */
  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#sending.sendBatch(this.#scope, records, options)
  }

  /**
   * Sends one record without a promise, which is the fastest way. true = accepted, and `callback`,
   * if given, is called once, later, with the error or the metadata. false = the buffer is full,
   * other calls wait for space, or the limit of records per event-loop turn is reached while a full
   * buffer empties: the record was not accepted, and the callback is never called; `await
   * producer.ready()` and try again. Throws a KafkaError if the record is invalid or the producer
   * is closed.
   *
   * @example
   * while (!producer.enqueue({ topic: 'clicks', value: 'x' })) await producer.ready()
   */
  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#sending.enqueue(this.#scope, record, callback)
  }

  /**
   * Sends one record like `enqueue`, but waits for buffer space in call order; resolves when the
   * record is accepted. `callback`, if given, is then called once, later, with the error or the
   * metadata. Rejects if the record was not accepted (it is invalid, there was no space within
   * maxBlockMs, the producer is closed, `options` ended the wait): then neither the callback nor
   * `onError` is called, and nothing is logged. Once the record is accepted, `options` limit its
   * delivery, as with `send`. The record's bytes may be changed after the call has returned.
   *
   * @example
   * await producer.submit({ topic: 'clicks', value: 'x' }, (error, metadata) => {})
   */
  submit(
    record: ProducerRecord,
    callback?: SettleCallback | null,
    options?: WaitOptions,
  ): Promise<void> {
    const problem = callbackProblem(callback)
    if (problem !== null) return guarded(Promise.reject(problem))
    return this.submitRaw(record, callback ?? null, options) ?? taken
  }

  /**
   * Like `submit`, with any result receiver; `undefined` = the record is accepted already.
   * @internal
   */
  submitRaw(
    record: ProducerRecord,
    receiver: Settle | null,
    options?: WaitOptions,
  ): Promise<undefined> | undefined {
    return this.#sending.submit(this.#scope, record, receiver, options)
  }

  /**
   * Sends the records of an iterable while the buffer has space; resolves with the counts when all
   * are settled. Without `onFailed` the first failure ends the reading; then it rejects with that
   * record's error, whose message contains the record's index (from 0) and the number of delivered
   * records.
   *
   * @example
   * const { delivered } = await producer.sendAll(readRecords(file), { signal })
   */
  sendAll(
    source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
    options?: SendAllOptions,
  ): Promise<RecordCounts> {
    return guarded(sendAll(this, source, options, this.#onUnobserved))
  }

  /**
   * A Writable of Node for records; `end()` waits for their delivery and does not close the
   * producer.
   */
  writable(options?: WritableOptions): Writable {
    return recordWritable(this, options, this.#onUnobserved)
  }

  /** A stream like `writable()`, as a WritableStream of the Streams API. */
  writableStream(options?: WritableOptions): WritableStream<ProducerRecord> {
    return recordWritableStream(this, options, this.#onUnobserved)
  }

  /** Resolves when the buffer has space and no other record waits for it. */
  ready(options?: WaitOptions): Promise<void> {
    return this.#readyCalls.ready(options, () => this.#lifecycle.checkOpen('ready'))
  }

  /**
   * Resolves when every record accepted before the call is settled, delivered or not. Rejects if
   * the spool has failed: then the result of the records on disk is unknown.
   */
  flush(options?: WaitOptions): Promise<void> {
    return guarded(this.#lifecycle.flushFor(options))
  }

  /**
   * With the option `spool`: resolves when every record accepted before the call is on disk.
   * Rejects with the error of a failed spool, and with INVALID_STATE without the option.
   *
   * @example
   * producer.enqueue({ topic: 'orders', value: 'a' })
   * await producer.flushSpool()
   */
  flushSpool(options?: WaitOptions): Promise<void> {
    return guarded(flushSpool(this.#spool, options, this.#waitClock))
  }

  /**
   * Connects in advance: resolves when a broker has responded. Optional, because the first send
   * connects too. It retries for `timeoutMs` (30 s by default), then rejects with TIMEOUT, which
   * names each address and the reason of its failure. Rejects at once if a broker refuses the
   * client, because its credentials, certificates or versions must be fixed; with `timeoutMs: 0`
   * also when one round through all brokers has failed.
   *
   * @example
   * await producer.connect({ timeoutMs: 60_000 })
   */
  connect(options?: WaitOptions): Promise<void> {
    return this.#connectCalls.connect(options)
  }

  /**
   * The partitions of a topic, index = partition number, each with its leader (-1 = none now). As
   * in Java, a topic that does not exist is created as by a send: if the broker creates topics,
   * unless `allowAutoTopicCreation` is false. `Admin.describeTopic` never creates one.
   */
  partitionsFor(topic: string, options?: WaitOptions): Promise<readonly PartitionView[]> {
    return guarded(
      waitFor('partitionsFor', options, this.#waitClock, (resolve, reject) => {
        this.#lifecycle.checkOpen('partitionsFor')
        if (typeof topic !== 'string' || topic === '') {
          throw new KafkaError(
            'INVALID_ARGUMENT',
            `topic must be a topic name, got ${topic === '' ? "''" : typeof topic}`,
          )
        }
        const problem = topicNameProblem(topic)
        if (problem !== null) throw new KafkaError('INVALID_ARGUMENT', `topic: ${problem}`)
        const partitions = this.#engine.partitionsOf(topic)
        if (partitions !== null) {
          resolve(partitions)
          return nothing
        }
        const forget = this.#topics.watch(topic, this.#clock.now(), resolve, reject)
        this.#engine.wake()
        return forget
      }),
    )
  }

  /**
   * Begins a transaction; requires the option `transactionalId`. The first one also requests the
   * producer id, and fences an earlier producer with the same transactional id. Rejects with
   * INVALID_STATE while another transaction is in progress, and with FENCED if another producer
   * uses the transactional id. Waits up to maxBlockMs, or as `options` specify.
   *
   * @example
   * await using transaction = await producer.beginTransaction()
   * transaction.enqueue({ topic: 'orders', value: 'a' })
   * await transaction.commit()
   */
  beginTransaction(options?: WaitOptions): Promise<Transaction> {
    return this.#transactions.begin(options)
  }

  /**
   * Runs `work` in a transaction: commits when it returns, and returns its result; aborts when it
   * throws, or when `options` end the wait, and rejects with that error. Records sent in it need
   * not be awaited: the commit waits for them, and fails if one of them failed.
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
    return this.#transactions.run(work, options)
  }

  /**
   * Fails waiting records, of all topics, a topic or a partition, with ABORTED; those in flight are
   * not affected. Returns how many failed. Throws INVALID_STATE with the option `spool`.
   *
   * @example
   * const count = producer.purge({ topic: 'orders', partition: 3 })
   */
  purge(scope?: PurgeScope): number {
    return purgeRecords(this.#engine, scope)
  }

  /** Counts since the producer was created, and its current state: see docs/telemetry.md. */
  metrics(options?: MetricsOptions): ProducerMetrics {
    const spool = this.#spool?.metrics() ?? null
    const letters = this.#deadLetters?.metrics() ?? null
    return readMetrics(this.#engine, this.#cluster, this.#origin.clientId, spool, letters, options)
  }

  /**
   * The current state of the producer, for readiness probes and dashboards. It sends nothing.
   *
   * @example
   * const { isReady, brokers, lastError } = producer.status()
   */
  status(): ProducerStatus {
    const { state } = this.#lifecycle
    return readStatus(state, this.#engine, this.#cluster, this.#outages, this.#spool)
  }

  /**
   * Accepts no more records, delivers the accepted ones, and disconnects. With `timeoutMs` (or when
   * `signal` aborts) records that are unsettled then fail with ABORTED. Resolves when every record
   * has its result; a second call returns the same promise. With the option `spool`, records that
   * are not delivered within `timeoutMs` (requestTimeoutMs by default) stay on disk for the next
   * producer.
   */
  close(options?: WaitOptions): Promise<CloseReport> {
    return this.#lifecycle.close(options)
  }

  /** Fails all unsettled records with ABORTED and `error` as the cause, and disconnects. */
  destroy(error?: Error): void {
    this.#lifecycle.destroy(error ?? null)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(nothing)
  }

  #onShutDown(): void {
    this.#driver.stop()
    this.#exitWatch.end()
    this.#outages.stop()
    this.#failures.stop()
    this.#topics.close()
    this.#connectCalls.close()
    this.#readyCalls.notify()
  }

  #engineHost(clock: Clock, random: Random): EngineHost {
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      random: () => random.next(),
      wake: () => {
        this.#exitWatch.begin()
        this.#outages.watch()
        this.#driver.wake()
      },
      // Records that fail while the producer closes its spool stay there: they are not lost.
      onUnobservedFailure: (error) => {
        if (this.#spool?.keepsFailures !== true) this.#failures.report(error)
      },
      onCallbackError: (thrown) => this.#failures.callbackFailed(thrown),
      onSpace: () => this.#readyCalls.notify(),
    }
  }

  #clusterEvents(): EngineEvents {
    return {
      onTopic: (view) => {
        this.#engine.onTopic(view)
        this.#topics.onTopic(view)
      },
      onTopicFailed: (name, error, final) => {
        this.#engine.onTopicFailed(name, error, final)
        this.#topics.onTopicFailed(name, error, final, this.#clock.now())
      },
      onLinkReady: (nodeId) => this.#engine.onLinkReady(nodeId),
      onLinkDown: (nodeId, error) => this.#engine.onLinkDown(nodeId, error),
      onProducerId: (identity) => this.#engine.onProducerId(identity),
      onProducerIdDelayed: (error) => this.#engine.onProducerIdDelayed(error),
      onProducerIdFailed: (error) => this.#engine.onProducerIdFailed(error),
    }
  }

  #makeOutageReport({ logger }: ResolvedOptions): OutageReport {
    return new OutageReport({
      engine: this.#engine,
      cluster: this.#cluster,
      clock: this.#clock,
      logger,
      failures: this.#failures,
      isConnecting: () => this.#connectCalls.isWaiting,
    })
  }

  #makeConnectCalls(): ConnectCalls {
    return new ConnectCalls({
      cluster: this.#cluster,
      waitClock: this.#waitClock,
      checkOpen: () => this.#lifecycle.checkOpen('connect'),
      onWaiting: () => this.#outages.watch(),
    })
  }

  #makeSpool(resolved: ResolvedOptions, environment: ProducerEnvironment): ProducerSpool | null {
    const onFailed = (error: KafkaError): void => this.#lifecycle.fail(error)
    return ProducerSpool.of(resolved, environment, this.#failures, this.#deadLetters, onFailed)
  }

  #checkSends(call: string): void {
    this.#lifecycle.checkOpen(call)
    if (this.#engine.transactions === null) return
    throw new KafkaError(
      'INVALID_STATE',
      `${call}: with a transactionalId, records are sent through a transaction: ` +
        'producer.transaction(…) or producer.beginTransaction()',
    )
  }
}
