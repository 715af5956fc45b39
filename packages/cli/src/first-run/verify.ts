// Reads the run's records back from the brokers and compares them with OrderResults: every order
// must be stored once, in its partition, at its offset, in the order of sending, with its bytes. It
// keeps no state. Caller: run.ts.

import { Buffer } from 'node:buffer'
import { readTopic, type TopicRecord } from 'millrace/testing'
import { Failure } from '../describe-failure.ts'
import type { Progress } from '../progress.ts'
import { orderKey, orderValue } from './order.ts'
import type { OrderResults } from './order-results.ts'

/** The header that marks this run's records among others in the topic. */
export const runHeader = 'run'

export interface Reading {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly runId: string
  readonly orderResults: OrderResults
  readonly progress: Progress
  readonly signal: AbortSignal
}

const readTimeoutMs = 60_000

/** The orders that one partition must have, and how many of them were found so far. */
interface Expectation {
  readonly partition: number
  readonly orders: readonly number[]
  foundCount: number
}

/** Throws a Failure that names the first difference; returns the bytes of keys and values. */
export const verifyRun = async (reading: Reading): Promise<number> => {
  const { brokers, topic, orderResults, progress, signal } = reading
  const expectations = new Map<number, Expectation>()
  const from = new Map<number, number>()
  for (const [partition, orders] of orderResults.byPartition()) {
    expectations.set(partition, { partition, orders, foundCount: 0 })
    // Without a known offset (the broker saw a duplicate) this partition is read from offset 0.
    from.set(partition, Math.max(0, orderResults.offset(orders[0]!)))
  }
  const marker = Buffer.from(reading.runId)
  let bytes = 0
  for await (const record of readTopic({
    brokers,
    topic,
    from,
    signal,
    timeoutMs: readTimeoutMs,
  })) {
    if (!hasMarker(record, marker)) continue
    bytes += checkRecord(record, expectations.get(record.partition), orderResults)
    progress.done++
  }
  for (const { partition, orders, foundCount } of expectations.values()) {
    const missingCount = orders.length - foundCount
    if (missingCount > 0) {
      throw new Failure(
        `Partition ${partition} lacks ${missingCount} records, ` +
          `the first of them order ${orders[foundCount]}.`,
      )
    }
  }
  return bytes
}

const hasMarker = (record: TopicRecord, marker: Uint8Array): boolean =>
  record.headers.some(
    ([key, value]) => key === runHeader && value !== null && Buffer.compare(value, marker) === 0,
  )

const checkRecord = (
  record: TopicRecord,
  expectation: Expectation | undefined,
  orderResults: OrderResults,
): number => {
  const where = `partition ${record.partition}, offset ${record.offset}`
  const order = expectation?.orders[expectation.foundCount]
  if (expectation === undefined || order === undefined) {
    throw new Failure(`There is a record that was not sent at ${where}.`)
  }
  expectation.foundCount++
  const offset = orderResults.offset(order)
  if (offset >= 0 && offset !== record.offset) {
    throw new Failure(
      `Order ${order} was acknowledged at offset ${offset}, but is not at ${where}.`,
    )
  }
  const key = Buffer.from(orderKey(order))
  const value = Buffer.from(orderValue(order))
  if (record.key === null || Buffer.compare(record.key, key) !== 0) {
    throw new Failure(`The key at ${where} is not that of order ${order}.`)
  }
  if (record.value === null || Buffer.compare(record.value, value) !== 0) {
    throw new Failure(`The value at ${where} is not that of order ${order}.`)
  }
  return key.length + value.length
}
