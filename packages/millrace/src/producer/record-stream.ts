// Streams of records: a Writable of Node, a WritableStream of the web, and sendAll for iterables.
// Each takes the next record when there is room for it, so memory stays bounded by the producer's
// buffer however fast the source is; each ends when every record is settled. None closes the
// producer.

import { Writable } from 'node:stream'
import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import {
  type RecordCounts,
  RecordSink,
  type RecordStreamOptions,
  type RecordTarget,
} from './record-sink.ts'
import { abortedError, checkWaitOptions } from './wait.ts'

/** Options of `writable` and `writableStream`. */
export interface WritableOptions extends RecordStreamOptions {
  /** Records that may gather in the stream itself before `write` answers false; 16 by default. */
  readonly highWaterMark?: number | undefined
}

/** Options of `sendAll`. */
export interface SendAllOptions extends RecordStreamOptions {
  /** Ends the reading of the source; what was taken is delivered all the same. */
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

export const recordWritable = (target: RecordTarget, options: WritableOptions = {}): Writable => {
  const sink = new RecordSink(target, options, (error) => stream.destroy(error))
  const stream = new Writable({
    objectMode: true,
    highWaterMark: options.highWaterMark ?? highWaterMarkDefault,
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
  options: WritableOptions = {},
): WritableStream<ProducerRecord> => {
  let breakOff: (error: KafkaError) => void = () => {}
  const sink = new RecordSink(target, options, (error) => breakOff(error))
  const throwIfBroken = (): void => {
    if (sink.broken !== null) throw sink.broken
  }
  return new WritableStream<ProducerRecord>(
    {
      start: (controller) => {
        breakOff = (error) => controller.error(error)
      },
      write: (record) => sink.push(record)?.then(throwIfBroken),
      close: () => sink.drain().then(throwIfBroken),
      // What was taken is delivered all the same.
      abort: () => sink.drain(),
    },
    new CountQueuingStrategy({ highWaterMark: options.highWaterMark ?? highWaterMarkDefault }),
  )
}

const isIterable = (source: unknown): boolean =>
  typeof source === 'object' &&
  source !== null &&
  (Symbol.asyncIterator in source || Symbol.iterator in source)

export const sendAll = async (
  target: RecordTarget,
  source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
  options: SendAllOptions = {},
): Promise<RecordCounts> => {
  const { signal } = options
  checkWaitOptions({ signal })
  if (!isIterable(source)) {
    throw new KafkaError('INVALID_ARGUMENT', 'source is neither iterable nor async iterable')
  }
  const sink = new RecordSink(target, options)
  let stop: () => void = () => {}
  const stopped = new Promise<'stopped'>((resolve) => {
    stop = () => resolve('stopped')
  })
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await pump(source, sink, signal, stopped)
  } finally {
    signal?.removeEventListener('abort', stop)
    await sink.drain()
  }
  if (sink.broken !== null) throw sink.broken
  if (signal?.aborted) throw abortedError('sendAll', signal.reason)
  return sink.counts
}

/** Reads the source to its end, to the first failure that ends it, or to the abort. */
const pump = async (
  source: AsyncIterable<ProducerRecord> | Iterable<ProducerRecord>,
  sink: RecordSink,
  signal: AbortSignal | undefined,
  stopped: Promise<'stopped'>,
): Promise<void> => {
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]()
  while (sink.broken === null && !signal?.aborted) {
    const pending = iterator.next()
    // A source that says nothing more must not keep an aborted call.
    const step = pending instanceof Promise ? await Promise.race([pending, stopped]) : pending
    if (step === 'stopped') break
    if (step.done) return
    const pushed = sink.push(step.value)
    if (pushed !== undefined) await pushed
  }
  // Told, and not waited for: a source that hangs may never answer.
  void Promise.resolve(iterator.return?.()).catch(() => {})
}
