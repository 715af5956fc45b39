// RecordingProducer: a producer for unit tests with the interface of Producer, without sockets and
// timers. It checks records like the real one, keeps a copy of each, assigns offsets per partition,
// and fails records on request. The same calls must give the same results; callbacks and promises
// settle after the call, in order. Callers: tests of applications.

import type { Writable } from 'node:stream'
import type { BatchResult } from '../producer/batch-result.ts'
import { callbackProblem, guarded } from '../producer/caller.ts'
import type { CloseReport } from '../producer/producer-lifecycle.ts'
import type { ProducerLike } from '../producer/producer-like.ts'
import type { ProducerRecord, RecordMetadata, SettleCallback } from '../producer/record.ts'
import type { RecordCounts } from '../producer/record-sink.ts'
import {
  recordWritable,
  recordWritableStream,
  type SendAllOptions,
  sendAll,
  type WritableOptions,
} from '../producer/record-stream.ts'
import { abortedError, checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import { compareRecords, type ExpectedRecord, type RecordedRecord } from './recorded-record.ts'
import { type FailNextOptions, OrderedFailures } from './recording-failures.ts'
import { RecordingLog, type RecordingProducerOptions } from './recording-log.ts'
import { type FailedRecord, type RecordingCore, RecordingSender } from './recording-sender.ts'
import { type CommittedWork, RecordingTransaction } from './recording-transaction.ts'
import { Settling } from './settling.ts'

/**
 * Replaces `Producer` in unit tests.
 *
 * @example
 * const producer = new RecordingProducer()
 * await placeOrder(producer, { id: '42' })
 * producer.expectRecords('orders', [{ key: '42' }])
 */
export class RecordingProducer implements ProducerLike {
  readonly #core: RecordingCore
  readonly #sender: RecordingSender
  readonly #transactionalId: string | undefined
  readonly #records: RecordedRecord[] = []
  readonly #committed = new Map<string, number>()
  #transaction: RecordingTransaction | null = null
  #spaceWaiters: (() => void)[] = []
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closing: Promise<CloseReport> | null = null

  /** Throws INVALID_OPTION if an option is invalid. Opens no connection. */
  constructor(options: RecordingProducerOptions = {}) {
    this.#core = {
      log: new RecordingLog(options),
      failures: new OrderedFailures(),
      settling: new Settling(options.autoSettle ?? true),
      failed: [],
      delivered: 0,
      isFull: false,
    }
    this.#transactionalId = options.transactionalId
    this.#sender = new RecordingSender(this.#core, {
      check: (call) => this.#checkSends(call),
      write: (record) => this.#records.push(record),
      onFailed: () => {},
    })
  }

  /** The records sent so far, in the order of the calls; those of transactions once committed. */
  get records(): readonly RecordedRecord[] {
    return this.#records
  }

  /** The records sent to one topic, in order. */
  recordsOf(topic: string): readonly RecordedRecord[] {
    return this.#records.filter((record) => record.topic === topic)
  }

  /** The records that failed, including those that were rejected within the call. */
  get failedRecords(): readonly FailedRecord[] {
    return this.#core.failed
  }

  /** The offset that a transaction committed for a group; undefined = none. */
  committedOffset(groupId: string, topic: string, partition: number): number | undefined {
    return this.#committed.get(JSON.stringify([groupId, topic, partition]))
  }

  /**
   * Makes the next records fail with an error, or with the error of a code.
   *
   * @example
   * const producer = new RecordingProducer()
   * producer.failNext('BROKER_UNAVAILABLE', { topic: 'orders', after: 2 }) // the third one
   */
  failNext(error: KafkaError | ErrorCode, options?: FailNextOptions): void {
    this.#core.failures.add(error, options)
  }

  /** true = the buffer is full: `enqueue` returns false, and `ready()` waits until it has space. */
  setFull(isFull: boolean): void {
    this.#core.isFull = isFull
    if (isFull) return
    const waiters = this.#spaceWaiters
    this.#spaceWaiters = []
    for (const waiter of waiters) waiter()
  }

  /** With `autoSettle: false`: settles the oldest `count` pending records, by default all. */
  settle(count = Number.POSITIVE_INFINITY): void {
    this.#core.settling.settle(count)
  }

  /**
   * Throws an AssertionError with the differences if the topic's records are not the expected ones.
   */
  expectRecords(topic: string, expected: readonly ExpectedRecord[]): void {
    compareRecords(this.recordsOf(topic), expected)
  }

  /** Removes the recorded records and the requested failures; offsets continue. */
  reset(): void {
    this.#records.length = 0
    this.#core.failed.length = 0
    this.#core.failures.clear()
  }

  send(record: ProducerRecord, options?: WaitOptions): Promise<RecordMetadata> {
    return this.#sender.send(record, options)
  }

  sendBatch(records: readonly ProducerRecord[], options?: WaitOptions): Promise<BatchResult> {
    return this.#sender.sendBatch(records, options)
  }

  enqueue(record: ProducerRecord, callback?: SettleCallback): boolean {
    return this.#sender.enqueue(record, callback)
  }

  submit(
    record: ProducerRecord,
    callback?: SettleCallback | null,
    options?: WaitOptions,
  ): Promise<void> {
    const problem = callbackProblem(callback)
    if (problem !== null) return guarded(Promise.reject(problem))
    return this.#sender.submitRaw(record, callback ?? null, options) ?? Promise.resolve()
  }

  sendAll(
    source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
    options?: SendAllOptions,
  ): Promise<RecordCounts> {
    return guarded(sendAll(this.#sender, source, options))
  }

  writable(options?: WritableOptions): Writable {
    return recordWritable(this.#sender, options)
  }

  writableStream(options?: WritableOptions): WritableStream<ProducerRecord> {
    return recordWritableStream(this.#sender, options)
  }

  ready(options?: WaitOptions): Promise<void> {
    return this.#wait('ready', options, async () => {
      this.#checkOpen('ready')
      if (!this.#core.isFull) return
      await new Promise<void>((resolve) => this.#spaceWaiters.push(resolve))
    })
  }

  flush(options?: WaitOptions): Promise<void> {
    return this.#wait('flush', options, () => this.#core.settling.whenIdle())
  }

  connect(options?: WaitOptions): Promise<void> {
    return this.#wait('connect', options, async () => this.#checkOpen('connect'))
  }

  partitionsFor(topic: string, options?: WaitOptions) {
    return this.#wait('partitionsFor', options, async () => {
      this.#checkOpen('partitionsFor')
      const count = this.#core.log.partitionCount(topic)
      return Array.from({ length: count }, () => ({ leaderId: 0, leaderEpoch: 0 }))
    })
  }

  beginTransaction(options?: WaitOptions): Promise<RecordingTransaction> {
    return this.#wait('beginTransaction', options, async () => {
      this.#checkOpen('beginTransaction')
      if (this.#transactionalId === undefined) {
        throw new KafkaError(
          'INVALID_STATE',
          'beginTransaction requires the option transactionalId',
        )
      }
      if (this.#transaction !== null) {
        const message = 'beginTransaction: a transaction is already open, commit or abort it first'
        throw new KafkaError('INVALID_STATE', message)
      }
      this.#transaction = new RecordingTransaction(this.#core, {
        checkOpen: (call) => this.#checkOpen(call),
        onEnded: (work) => this.#onEnded(work),
      })
      return this.#transaction
    })
  }

  transaction<Value>(
    work: (transaction: RecordingTransaction) => Value | Promise<Value>,
    options?: WaitOptions,
  ): Promise<Value> {
    const run = async (): Promise<Value> => {
      const transaction = await this.beginTransaction(options)
      try {
        const value = await work(transaction)
        await transaction.commit()
        return value
      } catch (error) {
        await transaction.abort().catch(() => {})
        throw error
      }
    }
    return guarded(run())
  }

  close(options?: WaitOptions): Promise<CloseReport> {
    if (this.#state === 'open') this.#state = 'closing'
    this.#closing ??= this.#wait('close', options, async () => {
      await this.#core.settling.whenIdle()
      this.#state = 'closed'
      return { delivered: this.#core.delivered, failed: this.#core.failed.length, undelivered: 0 }
    })
    return this.#closing
  }

  destroy(): void {
    this.#state = 'closed'
    this.#core.settling.settle(Number.POSITIVE_INFINITY)
    this.setFull(false)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** There are no timers: a time limit never ends a wait, but a signal does. */
  #wait<Value>(
    what: string,
    options: WaitOptions | undefined,
    start: () => Promise<Value>,
  ): Promise<Value> {
    let signal: AbortSignal | undefined
    try {
      signal = checkWaitOptions(options)?.signal
    } catch (error) {
      return guarded(Promise.reject(error))
    }
    const given = new Promise<never>((_, reject) => {
      const onAbort = (): void => reject(abortedError(what, signal?.reason))
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
    })
    return guarded(signal === undefined ? start() : Promise.race([given, start()]))
  }

  #onEnded(work: CommittedWork | null): void {
    this.#transaction = null
    this.#records.push(...(work?.records ?? []))
    for (const { groupId, topic, partition, offset } of work?.offsets ?? []) {
      this.#committed.set(JSON.stringify([groupId, topic, partition]), offset)
    }
  }

  #checkSends(call: string): void {
    this.#checkOpen(call)
    if (this.#transactionalId === undefined) return
    throw new KafkaError(
      'INVALID_STATE',
      `${call}: with a transactionalId, records are sent through a transaction`,
    )
  }

  #checkOpen(call: string): void {
    if (this.#state === 'open') return
    throw new KafkaError('CLOSED', `${call}: the producer is ${this.#state}`)
  }
}
