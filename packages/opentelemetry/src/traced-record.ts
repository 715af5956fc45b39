// A record with added headers and its trace. The interceptor's onSend returns it, and the producer
// passes the same object to onResult, which finds the trace there. Caller: open-telemetry.ts.

import type { ProducerRecord, RecordData, RecordHeaders } from 'millrace'
import type { RecordTrace } from './spans.ts'

export class TracedRecord implements ProducerRecord {
  readonly topic: string
  readonly key: RecordData | null | undefined
  readonly value: RecordData | null
  readonly headers: RecordHeaders | undefined
  readonly timestamp: number | undefined
  readonly partition: number | undefined
  readonly trace: RecordTrace

  constructor(record: ProducerRecord, headers: RecordHeaders | undefined, trace: RecordTrace) {
    this.topic = record.topic
    this.key = record.key
    this.value = record.value
    this.headers = headers
    this.timestamp = record.timestamp
    this.partition = record.partition
    this.trace = trace
  }
}
