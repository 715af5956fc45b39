// What the in-process cluster wrote, in the order it did, over all lives of a topic, the moments at
// which a partition lost its memory of producers, and how often a broker closed a connection. Hooks
// into the cluster's classes feed it.

import { ClusterState } from '../../src/in-process-cluster/cluster-state.ts'
import { NodeConnection } from '../../src/in-process-cluster/node-connection.ts'
import { PartitionLog } from '../../src/in-process-cluster/partition-log.ts'
import { ProducerStates, sequenceAfter } from '../../src/in-process-cluster/producer-state.ts'
import { recordsOf } from '../../src/in-process-cluster/record-area.ts'
import type { Partition, Topic } from '../../src/in-process-cluster/topic.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import { idOf } from './ledger.ts'
import type { Patches } from './patch.ts'
import type { ClusterPlan } from './plan.ts'

/** One record that was written. */
export interface Append {
  readonly id: number
  /** Order over all partitions. */
  readonly ordinal: number
  readonly atMs: number
  readonly topic: string
  /** How often the topic had been made. */
  readonly life: number
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly producerId: ProducerId
  readonly epoch: number
  /**
   * The partition had forgotten its producers, and took this batch, or one before it in its epoch,
   * though others are missing between it and what is in the log: with its memory it would not have.
   */
  readonly leapt: boolean
  readonly keyText: string | null
  readonly valueText: string | null
}

interface Place {
  readonly topic: string
  readonly life: number
  readonly partition: Partition
}

export interface LastBatch {
  readonly producerId: ProducerId
  readonly epoch: number
  readonly lastSequence: number
}

interface Chain {
  readonly epoch: number
  readonly nextSequence: number
  readonly leapt: boolean
}

const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString('latin1')

export class Journal {
  readonly appends: Append[] = []
  readonly byId = new Map<number, Append[]>()
  readonly #places = new Map<PartitionLog, Place>()
  readonly #lives = new Map<string, number>()
  readonly #newest = new Map<string, Topic>()
  readonly #namesById = new Map<string, string>()
  /** By `topic-partition`: when it forgot producers, or was made anew. */
  readonly #forgotAtMs = new Map<string, number[]>()
  readonly #lastBatches = new Map<Partition, LastBatch>()
  /**
   * By partition and producer id: the last batch in the log, also where the partition forgot it.
   */
  readonly #chains = new Map<Partition, Map<ProducerId, Chain>>()
  /** Partitions that forgot their producers, and those that they know again. */
  readonly #forgetful = new Map<Partition, Set<ProducerId>>()
  #topicsHaveIds = false
  /** How often a node closed a connection by itself: with acks 0 its only way to reject. */
  closedByNodes = 0
  readonly #now: () => number
  readonly #trace: (text: string) => void

  constructor(now: () => number, trace: (text: string) => void) {
    this.#now = now
    this.#trace = trace
  }

  install(patches: Patches, { tellsDuplicates, versions }: ClusterPlan): void {
    this.#topicsHaveIds = versions === '4.4'
    const journal = this
    patches.method(
      PartitionLog.prototype,
      'append',
      (original) =>
        function append(this: PartitionLog, batch, leaderEpoch) {
          const offset = original.call(this, batch, leaderEpoch)
          journal.#onAppend(this, batch.bytes, offset)
          return offset
        },
    )
    patches.method(
      ClusterState.prototype,
      'createTopic',
      (original) =>
        function createTopic(this: ClusterState, name, spec, validateOnly = false) {
          const topic = original.call(this, name, spec, validateOnly)
          if (!validateOnly) journal.#onTopic(topic)
          return topic
        },
    )
    patches.method(
      NodeConnection.prototype,
      'close',
      (original) =>
        function close(this: NodeConnection) {
          journal.closedByNodes++
          original.call(this)
        },
    )
    if (!tellsDuplicates) return
    patches.method(
      ProducerStates.prototype,
      'check',
      (original) =>
        function check(this: ProducerStates, batch, neverWritten) {
          const result = original.call(this, batch, neverWritten)
          if (result.kind !== 'duplicate') return result
          return { kind: 'error', code: errorNumber.DUPLICATE_SEQUENCE_NUMBER, message: 'again' }
        },
    )
  }

  #onTopic(topic: Topic): void {
    const life = (this.#lives.get(topic.name) ?? -1) + 1
    this.#lives.set(topic.name, life)
    this.#newest.set(topic.name, topic)
    this.#namesById.set(Buffer.from(topic.id).toString('hex'), topic.name)
    for (const partition of topic.partitions) {
      this.#places.set(partition.log, { topic: topic.name, life, partition })
      // By its name, a client may send to the new topic what it meant for the old one.
      if (life > 0 && !this.#topicsHaveIds) this.addForgetting(topic.name, partition.index)
    }
  }

  #onAppend(log: PartitionLog, bytes: Uint8Array, baseOffset: number): void {
    const place = this.#places.get(log)
    if (place === undefined) return
    const { topic, life, partition } = place
    const header = decodeBatchHeader(bytes)
    const { producerId, producerEpoch, baseSequence, recordCount } = header
    const ids: number[] = []
    const leapt = producerId >= 0 && this.#link(partition, header)
    for (const record of recordsOf(bytes)) {
      const id = idOf(record)
      ids.push(id)
      const append: Append = {
        id,
        ordinal: this.appends.length,
        atMs: this.#now(),
        topic,
        life,
        partition: partition.index,
        offset: baseOffset + record.offsetDelta,
        timestamp: record.timestamp,
        producerId,
        epoch: producerEpoch,
        leapt,
        keyText: textOf(record.key),
        valueText: textOf(record.value),
      }
      this.appends.push(append)
      const others = this.byId.get(id)
      if (others === undefined) this.byId.set(id, [append])
      else others.push(append)
    }
    this.#forgetful.get(partition)?.add(producerId)
    const lastSequence = baseSequence + recordCount - 1
    this.#lastBatches.set(partition, { producerId, epoch: producerEpoch, lastSequence })
    this.#trace(
      `log      ${topic}-${partition.index} offset ${baseOffset}: ${ids.join(' ')} ` +
        `(id ${producerId} epoch ${producerEpoch} sequence ${baseSequence})`,
    )
  }

  addForgetting(topic: string, partition: number): void {
    const forgetting = this.topic(topic)?.partitions[partition]
    if (forgetting !== undefined) this.#forgetful.set(forgetting, new Set())
    const key = `${topic}-${partition}`
    const moments = this.#forgotAtMs.get(key)
    if (moments === undefined) this.#forgotAtMs.set(key, [this.#now()])
    else moments.push(this.#now())
  }

  /**
   * Puts the batch behind those of its producer; returns whether the partition accepted it after a
   * gap.
   */
  #link(partition: Partition, header: ReturnType<typeof decodeBatchHeader>): boolean {
    const { producerId, producerEpoch: epoch, baseSequence, recordCount } = header
    const chains = this.#chains.get(partition) ?? new Map<ProducerId, Chain>()
    this.#chains.set(partition, chains)
    const before = chains.get(producerId) ?? { epoch: -1, nextSequence: 0, leapt: false }
    const isSameEpoch = epoch === before.epoch
    const follows = isSameEpoch
      ? baseSequence === before.nextSequence
      : epoch > before.epoch && baseSequence === 0
    const isBlind = this.#forgetful.has(partition) && !this.#knows(partition, producerId)
    const leapt = (isBlind && !follows) || (isSameEpoch && before.leapt)
    const nextSequence = sequenceAfter(baseSequence, recordCount)
    chains.set(producerId, { epoch, nextSequence, leapt })
    return leapt
  }

  #knows(partition: Partition, producerId: ProducerId): boolean {
    return this.#forgetful.get(partition)?.has(producerId) ?? true
  }

  /** Whether the partition lost its memory of producers in that time. */
  forgotWithin(topic: string, partition: number, fromMs: number, toMs: number): boolean {
    const moments = this.#forgotAtMs.get(`${topic}-${partition}`) ?? []
    return moments.some((atMs) => atMs >= fromMs && atMs <= toMs)
  }

  topicName(id: Uint8Array): string {
    return this.#namesById.get(Buffer.from(id).toString('hex')) ?? '?'
  }

  /** The topic as it is now, or was last. */
  topic(name: string): Topic | undefined {
    return this.#newest.get(name)
  }

  /** How often the topic was created. */
  livesOf(name: string): number {
    return (this.#lives.get(name) ?? -1) + 1
  }

  lastBatch(partition: Partition): LastBatch | undefined {
    return this.#lastBatches.get(partition)
  }
}
