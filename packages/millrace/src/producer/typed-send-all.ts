// Owns sendAll of typed topics: it serializes the records of an iterable one after the other, and
// passes them to the producer's sendAll. Caller: typed-topics.ts. Invariant: `onFailed` and
// `onDelivered` get the caller's records.

import type { ProducerRecord } from '../engine/record.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { checkStreamOptions, type RecordCounts } from './record-sink.ts'
import { checkIterable, type SendAllOptions } from './record-stream.ts'

/** A producer, or a test double of one. */
export interface IterableSender {
  sendAll(source: AsyncIterable<ProducerRecord>, options: SendAllOptions): Promise<RecordCounts>
}

/** A serialized record, or the error of its serializer. */
type Made = ProducerRecord | KafkaError

export const sendAllTyped = async <Typed>(
  target: IterableSender,
  source: AsyncIterable<Typed> | Iterable<Typed>,
  options: SendAllOptions<Typed>,
  make: (record: Typed) => Made | Promise<Made>,
): Promise<RecordCounts> => {
  checkIterable(source)
  const { onDelivered, onFailed, ...others } = checkStreamOptions(options)
  /** The caller's record of each serialized one, for the caller's functions. */
  const originals = new WeakMap<ProducerRecord, Typed>()
  let failedBefore = 0
  async function* serialized(): AsyncGenerator<ProducerRecord> {
    let index = 0
    for await (const record of source) {
      const made = await make(record)
      if (!(made instanceof KafkaError)) {
        if (onDelivered !== undefined || onFailed !== undefined) originals.set(made, record)
        yield made
      } else if (onFailed === undefined) {
        const { code, message } = made
        throw new KafkaError(code, `record ${index}: ${message}`, { ...made, cause: made })
      } else {
        failedBefore++
        onFailed(made, record)
      }
      index++
    }
  }
  const counts = await target.sendAll(serialized(), {
    ...others,
    ...(onDelivered === undefined
      ? {}
      : { onDelivered: (metadata, made) => onDelivered(metadata, originals.get(made)!) }),
    ...(onFailed === undefined
      ? {}
      : { onFailed: (error, made) => onFailed(error, originals.get(made)!) }),
  })
  return { ...counts, failed: counts.failed + failedBefore }
}
