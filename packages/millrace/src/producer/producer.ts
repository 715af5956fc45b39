// What the user holds. It owns one engine, one cluster view and the driver that steps them, turns
// calls into appends, and results into promises and callbacks. Its life: open → closing → closed.

import { Cluster } from '../cluster/cluster.ts'
import { Engine } from '../engine/engine.ts'
import { createPartitioner } from '../engine/partitioner.ts'
import type { PartitionView, TopicView } from '../engine/ports.ts'
import type { ProducerRecord, RecordMetadata, Settle, SettleCallback } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { Clock } from '../runtime/clock.ts'
import { systemClock } from '../runtime/clock.ts'
import { type Random, systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import type { Transport } from '../runtime/transport.ts'
import { type BatchResult, BatchSend } from './batch-send.ts'
import { Driver } from './driver.ts'
import { ExitWatch } from './exit-watch.ts'
import { FailureReporter } from './failure-reporter.ts'
import { givenUpError } from './given-up.ts'
import { type ProducerMetrics, readMetrics } from './metrics.ts'
import type { ProducerOptions } from './option-table.ts'
import { resolveOptions } from './options.ts'
import { PendingSend } from './pending-send.ts'
import { Submission } from './submission.ts'
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
  readonly #exitWatch: ExitWatch
  readonly #clock: Clock
  readonly #failures: FailureReporter
  readonly #waitClock: WaitClock
  readonly #topics: TopicWatch
  /** For records whose result nobody asked for. */
  readonly #unclaimed: SettleCallback = (error) => {
    if (error !== null) this.#failures.report(error)
  }
  #roomWaiters: (() => void)[] = []
  /** Told where the producer is closed before a connect() is answered. */
  readonly #connecting = new Set<() => void>()
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<CloseReport> | null = null
  #endClosing: () => void = nothing
  #refused = 0
  /** A loop that never yields can be refused a million times: each costs nothing that stays. */
  #lastRefusal: { error: KafkaError; promise: Promise<RecordMetadata> } | null = null

  /**
   * Checks the options; throws one INVALID_OPTION that lists every problem. Connects to nothing.
   */
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
    )
    this.#topics = new TopicWatch(this.#cluster, resolved.engine, this.#engine.deadlines)
    this.#waitClock = {
      deadlines: this.#engine.deadlines,
      now: () => clock.now(),
      wake: () => this.#engine.wake(),
      trouble: () => this.#cluster.metadataError,
    }
    this.#driver.start(this.#engine)
    this.#exitWatch = new ExitWatch(this.#engine, resolved.logger)
  }

  /**
   * Sends one record; resolves when it is acknowledged as `acks` says. Waits for room in the buffer
   * and for metadata up to maxBlockMs. A failed send rejects with a KafkaError whose `persisted`
   * says whether the record may be in the log, and is also told to `onError` (or logged): a promise
   * that nobody awaits never ends the process. The record's bytes are free to change when the call
   * returns.
   *
   * @example
   * const { partition, offset } = await producer.send({ topic: 'orders', key: 'a', value: 'first'
   * })
   */
  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    if (options !== undefined) return this.#sendWithOptions(record, options)
    const pending = new PendingSend(this.#failures)
    try {
      this.#checkOpen('send')
      this.#engine.append(record, pending)
    } catch (error) {
      this.#refused++
      return this.#refusal(pending, error as KafkaError)
    }
    return pending.promise
  }

  /** The promise of a send that was not taken. Those that share their error share their promise. */
  #refusal(pending: PendingSend, error: KafkaError): Promise<RecordMetadata> {
    if (this.#lastRefusal?.error === error) {
      this.#failures.report(error)
      return this.#lastRefusal.promise
    }
    pending.fail(error)
    this.#lastRefusal = { error, promise: pending.promise }
    return pending.promise
  }

  #sendWithOptions(record: ProducerRecord, options: WaitOptions): Promise<RecordMetadata> {
    const pending = new PendingSend(this.#failures)
    try {
      checkWaitOptions(options)
      this.#checkOpen('send')
      if (options.signal?.aborted) throw givenUpError(record, options, 'aborted', 'no')
      const place = this.#engine.append(record, pending)
      pending.patience = new Patience(options, this.#waitClock, (why) => {
        const trouble = this.#engine.troubleOf(place)
        const persisted = this.#engine.abandon(place, pending)
        pending.abandon(givenUpError(record, options, why, persisted, trouble))
      })
    } catch (error) {
      this.#refused++
      pending.fail(error as KafkaError)
    }
    return pending.promise
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
    const promise = new Promise<BatchResult>((resolve) => {
      checkWaitOptions(options)
      this.#checkOpen('sendBatch')
      if (!Array.isArray(records)) {
        throw new KafkaError('INVALID_ARGUMENT', 'records is no array of records')
      }
      let patience: Patience | null = null
      let over = false
      const batch = new BatchSend(this.#engine, records, options !== undefined, (result) => {
        over = true
        patience?.stop()
        for (const index of result.failedIndexes) {
          this.#failures.report(result.results[index] as KafkaError)
        }
        resolve(result)
      })
      if (options?.signal?.aborted) {
        batch.giveUp((persisted) => givenUpError(null, options, 'aborted', persisted))
        return
      }
      batch.start()
      if (options === undefined || over) return
      patience = new Patience(options, this.#waitClock, (why) => {
        const trouble = this.#cluster.metadataError
        batch.giveUp((persisted) => givenUpError(null, options, why, persisted, trouble))
      })
    })
    promise.catch((error) => this.#failures.report(error))
    return promise
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
    if (this.#state !== 'open') this.#checkOpen('enqueue')
    if (callback !== undefined && typeof callback !== 'function') {
      throw new KafkaError('INVALID_ARGUMENT', 'callback is no function')
    }
    return this.#engine.tryAppend(record, callback ?? null)
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
    try {
      this.#checkOpen('submit')
      if (options === undefined && this.#engine.accumulator.hasRoom) {
        this.#engine.append(record, receiver)
        return undefined
      }
      checkWaitOptions(options)
      if (options?.signal?.aborted) throw givenUpError(record, options, 'aborted', 'no')
      return this.#submitInTurn(record, receiver ?? this.#unclaimed, options)
    } catch (error) {
      this.#refused++
      return this.#guard(Promise.reject(error))
    }
  }

  #submitInTurn(
    record: ProducerRecord,
    receiver: Settle,
    options: WaitOptions | undefined,
  ): Promise<undefined> {
    let submission: Submission | null = null
    const promise = new Promise<undefined>((resolve, reject) => {
      submission = new Submission(this.#engine, record, receiver, resolve, reject)
    })
    submission!.start(options, this.#waitClock)
    return this.#guard(promise)
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

  /**
   * The partitions of a topic, index = partition number, with the node that leads each (-1 = none
   * now).
   */
  partitionsFor(topic: string, options?: WaitOptions): Promise<readonly PartitionView[]> {
    return this.#guard(
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

  /** Counts since the producer was made, and what it holds now. */
  metrics(): ProducerMetrics {
    return readMetrics(this.#engine, this.#cluster, this.#refused)
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
      return this.#guard(Promise.reject(error))
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
      if (this.#state === 'closed') {
        this.#engine.flush(end)
        return
      }
      // In a turn of its own: callbacks never run inside the caller's abort() or close().
      const giveUp = (): void => this.#clock.setImmediate(() => this.destroy())
      if (options?.signal?.aborted) giveUp()
      else if (options !== undefined) patience = new Patience(options, this.#waitClock, giveUp)
      this.#engine.flush(() => this.#endClosing())
    })
    return this.#closing
  }

  /**
   * Fails everything that is not settled with ABORTED, naming `error` as the cause, and
   * disconnects.
   */
  destroy(error?: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    const words = error === undefined ? '' : `: ${error.message}`
    this.#engine.failAll(
      'ABORTED',
      `the producer was closed before the record was delivered${words}`,
    )
    this.#shutDown()
    // At once, but where a callback destroys us: then when the records behind its own are told.
    this.#engine.flush(() => this.#endClosing())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close().then(nothing)
  }

  #shutDown(): void {
    this.#state = 'closed'
    this.#driver.stop()
    this.#exitWatch.end()
    this.#cluster.close()
    this.#topics.close()
    for (const onClose of this.#connecting) onClose()
    this.#connecting.clear()
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
