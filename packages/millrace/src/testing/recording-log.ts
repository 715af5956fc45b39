// The topics of a recording producer: how many partitions each has, where the next record goes, and
// what was written, in the order of the calls.

import { PartitionChoice } from '../producer/partition-choice.ts'
import type { ProducerRecord, RecordMetadata } from '../producer/record.ts'
import { RecordCheck } from '../producer/record-check.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type RecordedRecord, recordOf } from './recorded-record.ts'
import type { RecordingProducerOptions } from './recording-producer.ts'

const maxRequestBytesDefault = 8 * 1024 * 1024

/** A record with its place. */
export interface WrittenRecord {
  readonly recorded: RecordedRecord
  readonly metadata: RecordMetadata
}

export class RecordingLog {
  readonly #check: RecordCheck
  readonly #choice: PartitionChoice
  readonly #partitionCounts: Map<string, number>
  readonly #partitionCountDefault: number
  readonly #createsTopics: boolean
  readonly #offsets = new Map<string, number>()
  #clockMs = 0

  constructor(options: RecordingProducerOptions) {
    this.#check = new RecordCheck(options.maxRequestBytes ?? maxRequestBytesDefault)
    this.#choice = new PartitionChoice(options.partitioner ?? 'java')
    this.#partitionCounts = new Map(Object.entries(options.topics ?? {}))
    this.#partitionCountDefault = options.defaultPartitions ?? 1
    this.#createsTopics = options.autoCreateTopics ?? true
  }

  /** Throws where the record is wrong: what a producer refuses within the call. */
  check(record: ProducerRecord): void {
    this.#check.check(record)
  }

  /** Copies the record and gives it its place; throws what a producer would tell later. */
  write(record: ProducerRecord): WrittenRecord {
    const { contentBytes, keyBytes, valueBytes } = this.#check.check(record)
    const partitionCount = this.partitionCount(record.topic)
    const partition = record.partition ?? this.#choice.choose(record, partitionCount, contentBytes)
    if (partition >= partitionCount) {
      throw new KafkaError(
        'UNKNOWN_PARTITION',
        `topic ${record.topic} has ${partitionCount} partitions (0 to ${partitionCount - 1})`,
        { topic: record.topic, partition },
      )
    }
    const timestamp = record.timestamp ?? this.#clockMs++
    const place = { partition, offset: this.#nextOffset(record.topic, partition), timestamp }
    const metadata = { topic: record.topic, ...place, keyBytes, valueBytes }
    return { recorded: recordOf(record, place), metadata }
  }

  /** Throws UNKNOWN_TOPIC where the topic is not there and must not be made. */
  partitionCount(topic: string): number {
    const known = this.#partitionCounts.get(topic)
    if (known !== undefined) return known
    if (!this.#createsTopics) {
      throw new KafkaError('UNKNOWN_TOPIC', `topic ${topic} is not among the topics`, { topic })
    }
    this.#partitionCounts.set(topic, this.#partitionCountDefault)
    return this.#partitionCountDefault
  }

  #nextOffset(topic: string, partition: number): number {
    const place = `${topic}/${partition}`
    const offset = this.#offsets.get(place) ?? 0
    this.#offsets.set(place, offset + 1)
    return offset
  }
}
