// What the engine knows of one topic: its partitions with their queues, its partitioner, and the
// records that wait for the topic to be known. Owned by the accumulator; fed by onTopic.

import type { KafkaError } from '../protocol/kafka-error.ts'
import { TopicMeasurements } from './measurements.ts'
import { PartitionQueue, type PipelineRules } from './partition-queue.ts'
import type { Partitioner, PartitionerTopic } from './partitioner.ts'
import type { TopicView } from './ports.ts'
import type { Sequencer } from './sequencer.ts'
import { WaitingLine } from './waiting-line.ts'

const zeroId = new Uint8Array(16)

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export class TopicState {
  readonly name: string
  /** Order in which topics were first used; groups batches of a request by topic. */
  readonly ordinal: number
  readonly partitioner: Partitioner
  /** Records whose topic or partition is not known yet. */
  readonly pending = new WaitingLine()
  topicId: Uint8Array = zeroId
  partitioning: PartitionerTopic
  readonly queues: PartitionQueue[] = []
  readonly measurements = new TopicMeasurements()
  /** The last failure to learn of the topic. */
  failure: KafkaError | null = null
  /** When the broker first said that the topic does not exist; -1 = it did not. */
  missingSince = -1
  /** Batches are kept below this after the broker refused a larger one. */
  batchBytes: number

  constructor(name: string, ordinal: number, partitioner: Partitioner, batchBytes: number) {
    this.name = name
    this.ordinal = ordinal
    this.partitioner = partitioner
    this.batchBytes = batchBytes
    this.partitioning = { name, partitionCount: 0, available: [] }
  }

  get known(): boolean {
    return this.queues.length > 0
  }

  get hasId(): boolean {
    return !sameBytes(this.topicId, zeroId)
  }

  /** Takes the news in. A topic made again under its name starts its sequences again. */
  update(view: TopicView, sequencer: Sequencer, rules: PipelineRules): void {
    this.failure = null
    this.missingSince = -1
    const madeAgain = this.hasId && !sameBytes(this.topicId, view.topicId)
    this.topicId = view.topicId
    const available: number[] = []
    for (const [partition, { leaderId, leaderEpoch }] of view.partitions.entries()) {
      const queue = this.queues[partition] ?? new PartitionQueue(this, partition, sequencer, rules)
      this.queues[partition] = queue
      queue.setLeader(leaderId, leaderEpoch)
      if (madeAgain) {
        queue.numbering.wantRestart()
        queue.closeGate()
      }
      if (leaderId >= 0) available.push(partition)
    }
    const partitionCount = view.partitions.length
    for (const queue of this.queues.slice(partitionCount)) queue.setLeader(-1, -1)
    const unchanged =
      partitionCount === this.partitioning.partitionCount &&
      available.length === this.partitioning.available.length &&
      available.every((partition, index) => partition === this.partitioning.available[index])
    if (!unchanged) this.partitioning = { name: this.name, partitionCount, available }
  }
}
