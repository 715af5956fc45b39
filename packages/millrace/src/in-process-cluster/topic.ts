// A topic and its partitions: who leads, since which epoch, and what is in the log.
// cluster-state.ts makes them and alone changes leaders; api handlers read them and append through
// `write`, transaction-markers.ts through `writeMarker`: log and producers' states change together.

import type { GoodBatch } from './batch-check.ts'
import { encodeMarker, type Marker } from './control-batch.ts'
import { PartitionLog } from './partition-log.ts'
import { ProducerStates, type SequenceVerdict, type UnknownProducerRule } from './producer-state.ts'
import type { TopicConfig } from './topic-config.ts'

/** No node leads. */
export const noLeader = -1

export type WriteVerdict =
  | Exclude<SequenceVerdict, { readonly kind: 'append' }>
  | { readonly kind: 'written'; readonly baseOffset: number; readonly appendTime: number }

export class Partition {
  readonly topic: Topic
  readonly index: number
  readonly log: PartitionLog
  readonly producers: ProducerStates
  /** Node ids; the first one that lives is elected. */
  replicas: readonly number[]
  leaderId: number = noLeader
  /** Grows with each change of leader; -1 = none was elected yet. */
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

  /** For people: `orders-3`. */
  get name(): string {
    return `${this.topic.name}-${this.index}`
  }

  /**
   * Appends the batch, unless it was written before or its producer may not. `verified`: the
   * coordinator knows that its transaction writes here.
   */
  write(batch: GoodBatch, verified: boolean): WriteVerdict {
    const { header, appendTime } = batch
    if (header.producerId < 0) {
      return { kind: 'written', baseOffset: this.log.append(batch, this.leaderEpoch), appendTime }
    }
    const verdict = this.producers.check(header, this.log.endOffset === 0, verified)
    if (verdict.kind !== 'append') return verdict
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
  /** 16 bytes; a topic that is created again gets another. */
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

  /** Index = partition number. */
  get partitions(): readonly Partition[] {
    return this.#partitions
  }

  /** The logs obey it from their next append on. */
  changeConfig(config: TopicConfig): void {
    this.#config = config
    for (const { log } of this.#partitions) {
      log.maxBytes = Math.min(config.retentionBytes, this.#limits.retentionBytes)
    }
  }

  /** One more partition, on these nodes; it has no leader yet. */
  addPartition(nodes: readonly number[]): Partition {
    const partition = new Partition(this, this.#partitions.length, nodes, this.#limits)
    this.#partitions.push(partition)
    return partition
  }
}

/** A topic id as a key of a Map. */
export const idText = (id: Uint8Array): string =>
  Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
