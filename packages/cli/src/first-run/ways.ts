// The three ways of sending that millrace has, each as a program would use it for many records. All
// of them send orders `from` to `to` - 1, in this order, and note each delivery in the ledger.

import type { Producer, ProducerRecord, RecordMetadata } from 'millrace'
import { KafkaError } from 'millrace'
import type { Progress } from '../progress.ts'
import type { Ledger } from './ledger.ts'

/** One way's share of the run. */
export interface Share {
  readonly producer: Producer
  readonly ledger: Ledger
  readonly progress: Progress
  /** Made before the clock starts: `records[0]` is order `from`. */
  readonly records: readonly ProducerRecord[]
  readonly from: number
  readonly to: number
  readonly signal: AbortSignal
}

export interface Way {
  readonly name: string
  /** What the user would read in the documentation, for the table's legend. */
  readonly legend: string
  run(share: Share): Promise<void>
}

const sendsAtATime = 1000
const batchRecords = 1000
const batchesAtATime = 4

/** Runs `worker` several times side by side; the first failure is the result. */
const sideBySide = async (count: number, worker: () => Promise<void>): Promise<void> => {
  await Promise.all(Array.from({ length: count }, worker))
}

const sendOneByOne = async (share: Share): Promise<void> => {
  const { producer, ledger, progress, records, from, to, signal } = share
  let next = from
  await sideBySide(sendsAtATime, async () => {
    while (next < to && !signal.aborted) {
      const order = next++
      ledger.noteSent(order)
      ledger.noteDelivered(order, await producer.send(records[order - from]!))
      progress.done++
    }
  })
}

const noteResults = (
  { ledger, progress }: Share,
  first: number,
  results: readonly (RecordMetadata | KafkaError)[],
): void => {
  results.forEach((result, index) => {
    if (result instanceof KafkaError) throw result
    ledger.noteDelivered(first + index, result)
    progress.done++
  })
}

const sendBatches = async (share: Share): Promise<void> => {
  const { producer, ledger, records, from, to, signal } = share
  let next = from
  await sideBySide(batchesAtATime, async () => {
    while (next < to && !signal.aborted) {
      const first = next
      next = Math.min(first + batchRecords, to)
      for (let order = first; order < next; order++) ledger.noteSent(order)
      const { results } = await producer.sendBatch(records.slice(first - from, next - from))
      noteResults(share, first, results)
    }
  })
}

const enqueueAll = async (share: Share): Promise<void> => {
  const { producer, ledger, progress, records, from, to, signal } = share
  let failure: KafkaError | null = null
  const enqueue = (order: number): boolean => {
    ledger.noteSent(order)
    return producer.enqueue(records[order - from]!, (error, metadata) => {
      if (metadata) ledger.noteDelivered(order, metadata)
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

export const ways: readonly Way[] = [
  {
    name: 'send',
    legend: `await producer.send(record), ${sendsAtATime} at a time`,
    run: sendOneByOne,
  },
  {
    name: 'sendBatch',
    legend: `await producer.sendBatch(records), ${batchRecords} each, ${batchesAtATime} at a time`,
    run: sendBatches,
  },
  {
    name: 'enqueue',
    legend: 'producer.enqueue(record, callback), as fast as the buffer takes them',
    run: enqueueAll,
  },
]
