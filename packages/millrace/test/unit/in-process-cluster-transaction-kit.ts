// A transactional producer spoken by hand, for the tests of the in-process cluster's transactions:
// it keeps its id, epoch and sequences as a client would, and returns the numbers that come back.

import assert from 'node:assert/strict'
import { type ProduceRequest, produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { addPartitionsToTxnApi } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import { addOffsetsToTxnApi } from '../../src/protocol/api/25-add-offsets-to-txn.ts'
import { endTxnApi } from '../../src/protocol/api/26-end-txn.ts'
import {
  type TxnOffsetCommitRequest,
  txnOffsetCommitApi,
} from '../../src/protocol/api/28-txn-offset-commit.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import type { Input } from '../../src/protocol/schema/api.ts'
import { batchOf, type RawClient } from './in-process-cluster-kit.ts'

/** The versions that a client uses before (1) and under (2) transaction.version 2. */
const versions = {
  1: { produce: 11, offsets: 4, end: 4 },
  2: { produce: 12, offsets: 5, end: 5 },
} as const

export type Mode = keyof typeof versions

export const bothModes: readonly Mode[] = [1, 2]

/** A cluster that scenarios are played on: ours in virtual time, or a real one. */
export interface Wire {
  connect(): RawClient
  run<Value>(promise: Promise<Value>): Promise<Value>
}

export interface SendOptions {
  readonly topic?: string
  readonly partition?: number
  readonly count?: number
  readonly sequence?: number
  readonly transactional?: boolean
  /** What the request says; the producer's own id by default, null for plain records. */
  readonly transactionalId?: string | null
  readonly version?: number
}

export interface WireProducerOptions {
  readonly id?: string
  readonly topic?: string
  readonly groupId?: string
}

/** Responses after which a client repeats the request. */
const passing: readonly number[] = [
  errorNumber.COORDINATOR_LOAD_IN_PROGRESS,
  errorNumber.COORDINATOR_NOT_AVAILABLE,
  errorNumber.NOT_COORDINATOR,
  errorNumber.CONCURRENT_TRANSACTIONS,
]

const attemptsMax = 2000

/** Sends the request until the response is not a transient error. */
export const untilAccepted = async (sendRequest: () => Promise<number>): Promise<number> => {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const code = await sendRequest()
    if (!passing.includes(code)) return code
  }
  throw new Error('every response was a transient error')
}

export class WireProducer {
  readonly #wire: Wire
  readonly #client: RawClient
  readonly id: string
  readonly topic: string
  readonly groupId: string
  readonly mode: Mode
  producerId: ProducerId = -1
  epoch = -1
  /** Next sequence by topic and partition. */
  readonly #sequences = new Map<string, number>()

  constructor(wire: Wire, mode: Mode, options: WireProducerOptions = {}) {
    this.#wire = wire
    this.#client = wire.connect()
    this.id = options.id ?? 'tx'
    this.topic = options.topic ?? 'orders'
    this.groupId = options.groupId ?? 'g'
    this.mode = mode
  }

  /** Another producer with this one's state of now: a zombie, once the first has gone on. */
  twin(): WireProducer {
    const { id, topic, groupId, mode, producerId, epoch } = this
    const twin = new WireProducer(this.#wire, mode, { id, topic, groupId })
    twin.producerId = producerId
    twin.epoch = epoch
    for (const [key, sequence] of this.#sequences) twin.#sequences.set(key, sequence)
    return twin
  }

  /** As a new producer, or as the one it believes to be; the error code. */
  async init({ expected = false, timeoutMs = 60_000, version = 5 } = {}): Promise<number> {
    const response = await this.#wire.run(
      this.#client.request(initProducerIdApi, version, {
        transactionalId: this.id,
        transactionTimeoutMs: timeoutMs,
        ...(expected ? { producerId: this.producerId, producerEpoch: this.epoch } : {}),
      }),
    )
    if (response.errorCode === 0) this.#become(response.producerId, response.producerEpoch)
    return response.errorCode
  }

  /** Fails the test where the response is an error. */
  async start(options: { expected?: boolean; timeoutMs?: number } = {}): Promise<this> {
    assert.equal(await untilAccepted(() => this.init(options)), 0)
    return this
  }

  /** The error codes by partition. */
  async add(
    partitions: readonly number[] = [0],
    topic: string = this.topic,
    version = 3,
  ): Promise<number[]> {
    const response = await this.#wire.run(
      this.#client.request(addPartitionsToTxnApi, version, {
        v3AndBelowTransactionalId: this.id,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.epoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      }),
    )
    const results = response.resultsByTopicV3AndBelow.flatMap((each) => each.resultsByPartition)
    return partitions.map(
      (partition) =>
        results.find(({ partitionIndex }) => partitionIndex === partition)!.partitionErrorCode,
    )
  }

  /** Adds the partition first where its mode wants that; the error code. */
  async send(options: SendOptions = {}): Promise<number> {
    const { topic = this.topic, partition = 0 } = options
    if (this.mode === 1) {
      const code = await untilAccepted(async () => (await this.add([partition], topic))[0] ?? 0)
      if (code !== 0) return code
    }
    return untilAccepted(() => this.produce(options))
  }

  /** Only the Produce request; the error code. */
  async produce(options: SendOptions = {}): Promise<number> {
    const { version = versions[this.mode].produce } = options
    const response = await this.#wire.run(
      this.#client.request(produceApi, version, this.#produceRequest(options)),
    )
    const code = response.responses[0]!.partitionResponses[0]!.errorCode
    if (code === 0) this.#advance(options)
    return code
  }

  /**
   * Ends the transaction and repeats the request, as after a lost response, until its markers are
   * written; the error code.
   */
  async end(committed: boolean): Promise<number> {
    const before = this.twin()
    const code = await untilAccepted(() => this.endOnce(committed))
    if (code !== 0) return code
    assert.equal(await untilAccepted(() => before.endOnce(committed)), 0, 'the same request again')
    assert.deepEqual([before.producerId, before.epoch], [this.producerId, this.epoch])
    return 0
  }

  /** Only the EndTxn request; the error code. */
  async endOnce(committed: boolean, version: number = versions[this.mode].end): Promise<number> {
    const response = await this.#wire.run(
      this.#client.request(endTxnApi, version, {
        transactionalId: this.id,
        producerId: this.producerId,
        producerEpoch: this.epoch,
        committed,
      }),
    )
    if (response.errorCode === 0 && version >= 5) {
      this.#become(response.producerId, response.producerEpoch)
    }
    return response.errorCode
  }

  async addOffsets(groupId: string = this.groupId): Promise<number> {
    const response = await this.#wire.run(
      this.#client.request(addOffsetsToTxnApi, 3, {
        transactionalId: this.id,
        producerId: this.producerId,
        producerEpoch: this.epoch,
        groupId,
      }),
    )
    return response.errorCode
  }

  /** Brings one offset of partition 0 to the group; the error code. */
  async commitOffset(
    offset: number,
    more: Input<TxnOffsetCommitRequest> = {},
    version: number = versions[this.mode].offsets,
  ): Promise<number> {
    const response = await this.#wire.run(
      this.#client.request(txnOffsetCommitApi, version, {
        transactionalId: this.id,
        groupId: this.groupId,
        producerId: this.producerId,
        producerEpoch: this.epoch,
        topics: [
          {
            name: this.topic,
            partitions: [{ partitionIndex: 0, committedOffset: offset, committedMetadata: 'm' }],
          },
        ],
        ...more,
      }),
    )
    return response.topics[0]!.partitions[0]!.errorCode
  }

  #key({ topic = this.topic, partition = 0 }: SendOptions): string {
    return `${partition} ${topic}`
  }

  #advance(options: SendOptions): void {
    const { count = 1, sequence = this.#sequences.get(this.#key(options)) ?? 0 } = options
    this.#sequences.set(this.#key(options), sequence + count)
  }

  #produceRequest(options: SendOptions): Input<ProduceRequest> {
    const { topic = this.topic, partition = 0, count = 1, transactional = true } = options
    const { transactionalId = transactional ? this.id : null } = options
    const { sequence = this.#sequences.get(this.#key(options)) ?? 0 } = options
    const records = batchOf(count, {
      producerId: this.producerId,
      producerEpoch: this.epoch,
      baseSequence: sequence,
      transactional,
    })
    return {
      transactionalId,
      acks: -1,
      timeoutMs: 1000,
      topicData: [{ name: topic, partitionData: [{ index: partition, records }] }],
    }
  }

  #become(producerId: ProducerId, epoch: number): void {
    if (producerId !== this.producerId || epoch !== this.epoch) this.#sequences.clear()
    this.producerId = producerId
    this.epoch = epoch
  }
}

export interface ReadOptions {
  readonly topic?: string
  readonly fetchOffset?: number
  readonly isolationLevel?: number
  readonly maxWaitMs?: number
}

/** What a reader gets of partition 0 from an offset on. */
export const fetchFrom = async (wire: Wire, client: RawClient, options: ReadOptions = {}) => {
  const { topic = 'orders', fetchOffset = 0, isolationLevel = 0, maxWaitMs = 0 } = options
  const response = await wire.run(
    client.request(fetchApi, 12, {
      maxWaitMs,
      minBytes: 1,
      maxBytes: 1_000_000,
      isolationLevel,
      topics: [
        { topic, partitions: [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }] },
      ],
    }),
  )
  return response.responses[0]!.partitions[0]!
}
