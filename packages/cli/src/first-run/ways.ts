// The three ways to send many records with Millrace: send(), sendBatch(), and enqueue(). Each sends
// orders `from` to `to` - 1 in this order and notes every delivery in the ledger. Callers: run.ts,
// and report.ts for the type.

import type { Producer, ProducerRecord, RecordMetadata } from 'millrace'
import { KafkaError } from 'millrace'
import type { Progress } from '../progress.ts'
import type { Ledger } from './ledger.ts'

/** The part of the run that one way sends. */
export interface Share {
  readonly producer: Producer
  readonly ledger: Ledger
  readonly progress: Progress
  /** `records[0]` is order `from`. The records are made before the measurement starts. */
  readonly records: readonly ProducerRecord[]
  readonly from: number
  readonly to: number
  readonly signal: AbortSignal
}

export interface Way {
  readonly name: string
  /** The description in the table's legend. */
  readonly legend: string
  run(share: Share): Promise<void>
}

const sendsAtATime = 1000
const batchRecords = 1000
const batchesAtATime = 4

/** Runs `worker` several times concurrently; rejects with the first failure. */
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
