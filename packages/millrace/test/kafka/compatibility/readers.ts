// Foreign clients that say what is in a topic: Java's consumer and kcat (librdkafka).

import { type ConsumedRecord, javaConsume, kcatConsume } from '../fixture/index.ts'
import type { Reader } from './target.ts'

/** A record as the readers in Go and Python print it. */
interface PrintedRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: string | null }[]
}

const bytesOf = (text: string | null): Buffer | null =>
  text === null ? null : Buffer.from(text, 'base64')

/** Records printed one a line, as JSON with bytes in base64. */
export const recordsOf = (output: Buffer): ConsumedRecord[] => {
  const lines = output.toString().split('\n').filter(Boolean)
  return lines.map((line): ConsumedRecord => {
    const record = JSON.parse(line) as PrintedRecord
    return {
      ...record,
      key: bytesOf(record.key),
      value: bytesOf(record.value),
      headers: record.headers.map(({ key, value }) => [key, bytesOf(value)] as const),
      leaderEpoch: -1,
      timestampType: 'CreateTime',
    }
  })
}

export interface JavaReaderOptions {
  /** Release of the Java client: 4 reads from brokers since 2.1 only. */
  readonly version?: string
}

export const javaReader = (
  brokers: readonly string[],
  { version }: JavaReaderOptions = {},
): Reader => ({
  name: version === undefined ? 'Java' : `Java ${version}`,
  read: (topic, { committed = false }) =>
    javaConsume({
      brokers,
      topic,
      ...(version === undefined ? {} : { version }),
      isolation: committed ? 'read_committed' : 'read_uncommitted',
    }),
})

/** kcat prints headers ambiguously, so this reader compares everything else. */
export const kcatReader = (brokers: readonly string[]): Reader => ({
  name: 'kcat',
  read: async (topic, { committed = false }) => {
    const isolation = committed ? 'read_committed' : 'read_uncommitted'
    const records = await kcatConsume({
      brokers,
      topic,
      properties: { 'isolation.level': isolation },
      withHeaders: false,
    })
    return records.map(
      (record): ConsumedRecord => ({
        ...record,
        headers: [],
        leaderEpoch: -1,
        timestampType: 'CreateTime',
      }),
    )
  },
})
