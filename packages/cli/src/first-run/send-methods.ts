// The three methods to send many records with Millrace: send(), sendBatch(), and enqueue(). Each
// sends orders `from` to `to` - 1 in this order and stores every result in OrderResults. It stops
// when the signal aborts, and rejects if a record fails. Callers: run.ts, and report.ts for the
// type.

import type { Producer, ProducerRecord, RecordMetadata } from 'millrace'
import { KafkaError } from 'millrace'
import type { Progress } from '../progress.ts'
import type { OrderResults } from './order-results.ts'

/** The part of the run that one method sends. */
export interface Share {
  readonly producer: Producer
  readonly orderResults: OrderResults
  readonly progress: Progress
  /** `records[0]` is order `from`. The records are made before the measurement starts. */
  readonly records: readonly ProducerRecord[]
  readonly from: number
  readonly to: number
  readonly signal: AbortSignal
}

export interface SendMethod {
  readonly name: string
  /** The description in the table's legend. */
  readonly legend: string
  run(share: Share): Promise<void>
}

const concurrentSends = 1000
const batchRecords = 1000
const concurrentBatches = 4

/** Runs `worker` several times concurrently; rejects with the first failure. */
const runConcurrently = async (count: number, worker: () => Promise<void>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, worker))
}

const sendOneByOne = async (share: Share): Promise<void> => {
  const { producer, orderResults, progress, records, from, to, signal } = share
  let next = from
  await runConcurrently(concurrentSends, async () => {
    while (next < to && !signal.aborted) {
      const order = next++
      orderResults.markSent(order)
      orderResults.markDelivered(order, await producer.send(records[order - from]!))
      progress.done++
    }
  })
}

const markResults = (
  { orderResults, progress }: Share,
  first: number,
  results: readonly (RecordMetadata | KafkaError)[],
): void => {
  results.forEach((result, index) => {
    if (result instanceof KafkaError) throw result
    orderResults.markDelivered(first + index, result)
    progress.done++
  })
}

const sendBatches = async (share: Share): Promise<void> => {
  const { producer, orderResults, records, from, to, signal } = share
  let next = from
  await runConcurrently(concurrentBatches, async () => {
    while (next < to && !signal.aborted) {
      const first = next
      next = Math.min(first + batchRecords, to)
      for (let order = first; order < next; order++) orderResults.markSent(order)
      const { results } = await producer.sendBatch(records.slice(first - from, next - from))
      markResults(share, first, results)
    }
  })
}

const enqueueAll = async (share: Share): Promise<void> => {
  const { producer, orderResults, progress, records, from, to, signal } = share
  let failure: KafkaError | null = null
  const enqueue = (order: number): boolean => {
    orderResults.markSent(order)
    return producer.enqueue(records[order - from]!, (error, metadata) => {
      if (metadata) orderResults.markDelivered(order, metadata)
      else failure ??= error
      progress.done++
    })
  }
  for (let order = from; order < to && !signal.aborted && failure === null; ) {
    if (enqueue(order)) order++
    else await producer.ready({ signal })
  }
  await producer.flush({ signal })
  if (failure !== null) throw failure
}

export const sendMethods: readonly SendMethod[] = [
  {
    name: 'send',
    legend: `await producer.send(record), ${concurrentSends} at a time`,
    run: sendOneByOne,
  },
  {
    name: 'sendBatch',
    legend:
      `await producer.sendBatch(records), ${batchRecords} each, ` +
      `${concurrentBatches} at a time`,
    run: sendBatches,
  },
  {
    name: 'enqueue',
    legend: 'producer.enqueue(record, callback), as fast as the buffer takes them',
    run: enqueueAll,
  },
]
