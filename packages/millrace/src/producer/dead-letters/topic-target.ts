// Owns the records of the dead-letter topic: key, value and headers of the failed record, and
// headers with its original topic and its error. Caller: DeadLetters. Invariant: key and value are
// unchanged.

import type { Engine, FailedRecord } from '../../engine/engine.ts'
import type { KafkaError } from '../../protocol/kafka-error.ts'
import { decodeRecord } from '../decoded-record.ts'
import type { DeadLetter, DeadLetterTarget } from './dead-letter.ts'

type Header = readonly [name: string, value: string | Uint8Array | null]

const headersOf = ({ topic, partition, timestamp }: FailedRecord, error: KafkaError): Header[] => {
  const { code, brokerError, message, attempts, persisted } = error
  const headers: Header[] = [
    ['dead-letter.topic', topic],
    ['dead-letter.timestamp', String(timestamp)],
    ['dead-letter.error-code', code],
    ['dead-letter.error-message', message],
    ['dead-letter.attempts', String(attempts ?? 0)],
    ['dead-letter.persisted', persisted],
  ]
  if (partition >= 0) headers.push(['dead-letter.partition', String(partition)])
  if (brokerError !== undefined) headers.push(['dead-letter.broker-error', brokerError])
  return headers
}

export class TopicTarget implements DeadLetterTarget {
  readonly isTopic = true
  readonly isUnbounded = false
  readonly #topic: string
  readonly #engine: Pick<Engine, 'appendDeadLetter'>

  constructor(topic: string, engine: Pick<Engine, 'appendDeadLetter'>) {
    this.#topic = topic
    this.#engine = engine
  }

  isTarget(topic: string): boolean {
    return topic === this.#topic
  }

  store(record: FailedRecord, letter: DeadLetter): void {
    const { key, value, headers = [] } = decodeRecord(record, 'dead letter', record.topic)
    const all = [...headers, ...headersOf(record, letter.error)]
    this.#engine.appendDeadLetter({ topic: this.#topic, key, value, headers: all }, letter)
  }

  async close(): Promise<void> {}
}
