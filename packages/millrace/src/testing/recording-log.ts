// The topics of a RecordingProducer: the number of partitions, the next offset of each, and the
// written records in the order of the calls. A record must be checked as the real producer checks
// it. Callers: recording-producer.ts and recording-sender.ts.

import { PartitionChoice } from '../producer/partition-choice.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import type { ProducerRecord, RecordMetadata } from '../producer/record.ts'
import { RecordCheck } from '../producer/record-check.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type RecordedRecord, recordOf } from './recorded-record.ts'

const maxRequestBytesDefault = 8 * 1024 * 1024

/** Options of a `RecordingProducer`. All are optional. */
export interface RecordingProducerOptions
  extends Pick<ProducerOptions, 'partitioner' | 'maxRequestBytes' | 'transactionalId'> {
  /** The topics and their numbers of partitions. */
  readonly topics?: Readonly<Record<string, number>> | undefined
  /** The number of partitions of a topic that is not in `topics`; 1 by default. */
  readonly defaultPartitions?: number | undefined
  /** false: a record of a topic that is not in `topics` fails with UNKNOWN_TOPIC. */
  readonly autoCreateTopics?: boolean | undefined
  /** false: records settle only when the test calls `settle()`. */
  readonly autoSettle?: boolean | undefined
}

/** A record with its partition and offset. */
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

  /** Throws if the record is invalid: the errors that a producer throws within the call. */
  check(record: ProducerRecord): void {
    this.#check.check(record)
  }

  /**
   * Copies the record and assigns its partition and offset. Throws the errors with which a
   * producer's record would fail later.
   */
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
    const position = { partition, offset: this.#nextOffset(record.topic, partition), timestamp }
    const metadata = { topic: record.topic, ...position, keyBytes, valueBytes }
    return { recorded: recordOf(record, position), metadata }
  }

  /** Throws UNKNOWN_TOPIC if the topic does not exist and must not be created. */
  partitionCount(topic: string): number {
    const known = this.#partitionCounts.get(topic)
    if (known !== undefined) return known
    if (!this.#createsTopics) {
      const message = `Topic "${topic}" was not found: the option topics does not have it`
      throw new KafkaError('UNKNOWN_TOPIC', message, { topic })
    }
    this.#partitionCounts.set(topic, this.#partitionCountDefault)
    return this.#partitionCountDefault
  }

  #nextOffset(topic: string, partition: number): number {
    const key = `${topic}/${partition}`
    const offset = this.#offsets.get(key) ?? 0
    this.#offsets.set(key, offset + 1)
    return offset
  }
}
