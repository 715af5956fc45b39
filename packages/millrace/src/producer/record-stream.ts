// Owns the streams of records: a Writable of Node, a WritableStream of the Streams API, and sendAll
// for iterables. Callers: Producer, typed topics, the recording producer. Invariants: each takes
// the next record when there is space for it, so the producer's buffer limits the memory; each ends
// when every record is settled; none closes the producer. Each failure is reported once: to
// `onFailed`, or as the error that ends the stream, or, after the stream has ended, to
// `onUnobserved`.

import { Writable } from 'node:stream'
import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { describeValue, readable } from '../runtime/value-kinds.ts'
import { unwatchAbort, watchAbort } from './abort-watch.ts'
import {
  checkStreamOptions,
  type RecordCounts,
  RecordSink,
  type RecordStreamOptions,
  type RecordTarget,
  type UnobservedFailure,
} from './record-sink.ts'
import { abortedError, checkWaitOptions, reasonOf } from './wait.ts'

/** Options of `writable` and `writableStream`. */
export interface WritableOptions extends RecordStreamOptions {
  /** Records that may be collected in the stream before `write` returns false; 16 by default. */
  readonly highWaterMark?: number | undefined
}

/** Options of `sendAll`. */
export interface SendAllOptions<Sent = ProducerRecord> extends RecordStreamOptions<Sent> {
  /** Ends the reading of the source; accepted records are delivered nevertheless. */
  readonly signal?: AbortSignal | undefined
}

const highWaterMarkDefault = 16

const pushAll = async (sink: RecordSink, chunks: { chunk: ProducerRecord }[]): Promise<void> => {
  for (const { chunk } of chunks) {
    if (sink.broken !== null) return
    const pushed = sink.push(chunk)
    if (pushed !== undefined) await pushed
  }
}

const ignore: UnobservedFailure = () => {}

export const recordWritable = (
  target: RecordTarget,
  given: WritableOptions = {},
  onUnobserved: UnobservedFailure = ignore,
): Writable => {
  const options = checkStreamOptions(given)
  const sink = new RecordSink(target, options, onUnobserved, (error) => {
    if (stream.destroyed) onUnobserved(error)
    else stream.destroy(error)
  })
  const stream = new Writable({
    objectMode: true,
    // Node accepts whole numbers only.
    highWaterMark: Math.min(
      Math.ceil(options.highWaterMark ?? highWaterMarkDefault),
      Number.MAX_SAFE_INTEGER,
    ),
    write: (record: ProducerRecord, _encoding, done) => {
      const pushed = sink.push(record)
      if (pushed === undefined) done(sink.broken)
      else pushed.then(() => done(sink.broken), done)
    },
    writev: (chunks, done) => {
      pushAll(sink, chunks as { chunk: ProducerRecord }[]).then(() => done(sink.broken), done)
    },
    final: (done) => {
      sink.drain().then(() => done(sink.broken))
    },
  })
  return stream
}

export const recordWritableStream = (
  target: RecordTarget,
  given: WritableOptions = {},
  onUnobserved: UnobservedFailure = ignore,
): WritableStream<ProducerRecord> => {
  const options = checkStreamOptions(given)
  let fail: (error: KafkaError) => void = () => {}
  const sink = new RecordSink(target, options, onUnobserved, (error) => fail(error))
  const throwIfBroken = (): void => {
    if (sink.broken !== null) throw sink.broken
  }
  return new WritableStream<ProducerRecord>(
    {
      start: (controller) => {
        fail = (error) => controller.error(error)
      },
      write: (record) => sink.push(record)?.then(throwIfBroken),
      close: () => sink.drain().then(throwIfBroken),
      // Accepted records are delivered nevertheless.
      abort: () => {
        fail = onUnobserved
        return sink.drain()
      },
    },
    // With 0 a web stream is never ready for a record: pipeTo() would wait forever.
    new CountQueuingStrategy({
      highWaterMark: Math.max(options.highWaterMark ?? highWaterMarkDefault, 1),
    }),
  )
}

const isIterable = (source: unknown): boolean => {
  if (typeof source !== 'object' || source === null) return false
  const { [Symbol.asyncIterator]: asyncIterator, [Symbol.iterator]: iterator } = source as Partial<
    AsyncIterable<unknown> & Iterable<unknown>
  >
  return typeof (asyncIterator ?? iterator) === 'function'
}

const isAsyncIterable = (
  source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
): source is AsyncIterable<ProducerRecord> =>
  typeof (source as AsyncIterable<ProducerRecord>)[Symbol.asyncIterator] === 'function'

/** Throws INVALID_ARGUMENT if it is not an iterable of records. */
export const checkIterable = (source: unknown): void => {
  if (readable(() => isIterable(source)) === true) return
  throw new KafkaError(
    'INVALID_ARGUMENT',
    `source must be iterable or async iterable, got ${describeValue(source)}`,
  )
}

export const sendAll = async (
  target: RecordTarget,
  source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
  given: SendAllOptions = {},
  onUnobserved: UnobservedFailure = ignore,
): Promise<RecordCounts> => {
  const options = checkStreamOptions(given)
  const { signal } = options
  checkWaitOptions({ signal })
  checkIterable(source)
  const sink = new RecordSink(target, options, onUnobserved)
  const abort = new AbortHook()
  if (signal !== undefined) watchAbort(signal, abort.call)
  try {
    await pump(source, sink, signal, abort)
  } catch (error) {
    await sink.drain()
    // The source's own error is that of the call; the record's error is reported by the producer.
    if (sink.broken !== null) onUnobserved(sink.broken)
    throw error
  } finally {
    if (signal !== undefined) unwatchAbort(signal, abort.call)
  }
  await sink.drain()
  if (sink.failure !== null) throw sink.failure
  if (signal?.aborted) throw abortedError('sendAll', reasonOf(signal))
  return sink.counts
}

type Step = IteratorResult<ProducerRecord, unknown>

/**
 * The current action of an abort. A promise race would keep every step of a long source in memory.
 */
class AbortHook {
  #onAbort: () => void = () => {}
  readonly call = (): void => this.#onAbort()

  set(onAbort: () => void): void {
    this.#onAbort = onAbort
  }
}

/** A source that never responds must not delay an aborted call. */
const nextStep = (pending: Step | PromiseLike<Step>, abort: AbortHook): Promise<Step | 'stopped'> =>
  new Promise((resolve, reject) => {
    abort.set(() => resolve('stopped'))
    Promise.resolve(pending).then(resolve, reject)
  })

/** Reads the source to its end, to the first failure that ends it, or to the abort. */
const pump = async (
  source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
  sink: RecordSink,
  signal: AbortSignal | undefined,
  abort: AbortHook,
): Promise<void> => {
  const isAsync = isAsyncIterable(source)
  const iterator = isAsync ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  while (sink.broken === null && !signal?.aborted) {
    const pending = iterator.next()
    const step = isAsync ? await nextStep(pending, abort) : (pending as Step)
    if (step === 'stopped') break
    if (step.done) return
    const pushed = sink.push(step.value)
    if (pushed !== undefined) await pushed
  }
  // Called and not awaited: a source that hangs may never return.
  const close = async (): Promise<unknown> => iterator.return?.()
  close().catch(() => {})
}
