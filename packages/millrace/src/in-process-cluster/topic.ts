// A topic and its partitions: the leader, the leader epoch, and the log of each. cluster-state.ts
// creates topics and is the only one that may change leaders. The api handlers append through
// `write`, and transaction-markers.ts through `writeMarker`, so that the log and the producers'
// state always change together.

import type { GoodBatch } from './batch-check.ts'
import { encodeMarker, type Marker } from './control-batch.ts'
import { PartitionLog } from './partition-log.ts'
import {
  ProducerStates,
  type SequenceCheckResult,
  type UnknownProducerRule,
} from './producer-state.ts'
import type { TopicConfig } from './topic-config.ts'

/** No node is the leader. */
export const noLeader = -1

export type WriteResult =
  | Exclude<SequenceCheckResult, { readonly kind: 'append' }>
  | { readonly kind: 'written'; readonly baseOffset: number; readonly appendTime: number }

export class Partition {
  readonly topic: Topic
  readonly index: number
  readonly log: PartitionLog
  readonly producers: ProducerStates
  /** Node ids; the first one that is running is elected. */
  replicas: readonly number[]
  leaderId: number = noLeader
  /** Rises with each change of the leader; -1 = no leader was elected yet. */
  leaderEpoch = -1

  constructor(topic: Topic, index: number, replicas: readonly number[], limits: PartitionLimits) {
    this.topic = topic
    this.index = index
    this.replicas = replicas
    this.log = new PartitionLog({
      maxBytes: Math.min(topic.config.retentionBytes, limits.retentionBytes),
      maxRecords: limits.retentionRecords,
    })
    this.producers = new ProducerStates(limits.unknownProducer)
  }

  /** For messages: `orders-3`. */
  get name(): string {
    return `${this.topic.name}-${this.index}`
  }

  /**
   * Appends the batch, unless it was written before or its producer is not allowed to write.
   * `verified`: the coordinator knows that the batch's transaction writes to this partition.
   */
  write(batch: GoodBatch, verified: boolean): WriteResult {
    const { header, appendTime } = batch
    if (header.producerId < 0) {
      return { kind: 'written', baseOffset: this.log.append(batch, this.leaderEpoch), appendTime }
    }
    const result = this.producers.check(header, this.log.endOffset === 0, verified)
    if (result.kind !== 'append') return result
    const baseOffset = this.log.endOffset
    if (this.producers.record(header, baseOffset, appendTime, batch.maxTimestamp)) {
      this.log.transactions.begin(header.producerId, baseOffset)
    }
    this.log.append(batch, this.leaderEpoch)
    return { kind: 'written', baseOffset, appendTime }
  }

  /** Ends the producer's transaction in this partition. */
  writeMarker(marker: Marker, wallTime: number): void {
    const { producerId, epoch, isCommit } = marker
    const bytes = encodeMarker(marker, wallTime)
    this.producers.endTransaction(producerId, epoch)
    this.log.transactions.end(producerId, this.log.endOffset, isCommit)
    this.log.append({ bytes, recordCount: 1, maxTimestamp: wallTime }, this.leaderEpoch)
  }
}

export interface PartitionLimits {
  readonly retentionBytes: number
  readonly retentionRecords: number
  readonly unknownProducer: UnknownProducerRule
}

export class Topic {
  readonly name: string
  /** 16 bytes; a topic that is created again gets a new id. */
  readonly id: Uint8Array
  readonly replicationFactor: number
  #config: TopicConfig
  readonly #partitions: Partition[]
  readonly #limits: PartitionLimits

  constructor(
    name: string,
    id: Uint8Array,
    config: TopicConfig,
    replicas: readonly (readonly number[])[],
    limits: PartitionLimits,
  ) {
    this.name = name
    this.id = id
    this.#config = config
    this.#limits = limits
    this.replicationFactor = replicas[0]?.length ?? 0
    this.#partitions = replicas.map((nodes, index) => new Partition(this, index, nodes, limits))
  }

  get config(): TopicConfig {
    return this.#config
  }

  /** The index is the partition number. */
  get partitions(): readonly Partition[] {
    return this.#partitions
  }

  /** The new settings apply from the next append on. */
  changeConfig(config: TopicConfig): void {
    this.#config = config
    for (const { log } of this.#partitions) {
      log.maxBytes = Math.min(config.retentionBytes, this.#limits.retentionBytes)
    }
  }

  /** Adds a partition on these nodes; it has no leader yet. */
  addPartition(nodes: readonly number[]): Partition {
    const partition = new Partition(this, this.#partitions.length, nodes, this.#limits)
    this.#partitions.push(partition)
    return partition
  }
}

/** A topic id in a form that can be the key of a Map. */
export const idText = (id: Uint8Array): string =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
