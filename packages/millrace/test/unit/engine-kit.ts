// Steps an engine by hand: a cluster and a host that note their calls, time that only the test
// moves, responses that the test writes. No socket, no timer, no promise.

import { Engine } from '../../src/engine/engine.ts'
import { createPartitioner } from '../../src/engine/partitioner/partitioner.ts'
import type { PartitionerFactory } from '../../src/engine/partitioner/partitioner-contract.ts'
import type {
  BrokerLink,
  ClusterPort,
  ConsumedOffset,
  GroupMetadata,
  LeaderHint,
  ProduceCall,
  ProducerIdentity,
  TopicPartition,
  TopicRequestReason,
  TransactionPort,
  TransactionScope,
} from '../../src/engine/ports.ts'
import type { ProducerRecord, RecordMetadata } from '../../src/engine/record.ts'
import type { EngineSettings } from '../../src/engine/settings.ts'
import {
  type ProduceRequest,
  type ProduceResponse,
  produceApi,
} from '../../src/protocol/api/00-produce.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { brokerError, errorNumber } from '../../src/protocol/errors.ts'
import { KafkaError, type Persisted } from '../../src/protocol/kafka-error.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import { seededRandom } from '../../src/runtime/random.ts'

export const settingsOf = (changes: Partial<EngineSettings> = {}): EngineSettings => ({
  acks: -1,
  idempotent: true,
  maxInFlightRequests: 5,
  batchBytes: 16_384,
  maxRequestBytes: 1_048_576,
  bufferMemoryBytes: 1_048_576,
  waitingMemoryBytes: 0,
  lingerMs: 0,
  flush: null,
  deliveryTimeoutMs: 120_000,
  requestTimeoutMs: 30_000,
  maxBlockMs: 60_000,
  recordWaitMs: changes.maxBlockMs ?? 60_000,
  unknownTopicTimeoutMs: 10_000,
  metadataMaxIdleMs: 300_000,
  retries: 2 ** 31 - 1,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  partitionerAvailabilityTimeoutMs: 1000,
  rack: null,
  transactionalId: null,
  codecs: [null],
  topics: new Map(),
  ...changes,
})

/** What one batch of a request says of itself. */
export interface SentBatch {
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly producerId: ProducerId
  readonly epoch: number
  readonly sequence: number
}

type PartitionResponse = {
  readonly error?: number
  readonly baseOffset?: number
  readonly named?: readonly number[]
  readonly logAppendTime?: number
  readonly leader?: { readonly leaderId: number; readonly leaderEpoch: number }
}

type ResponseOf = PartitionResponse | ((batch: SentBatch) => PartitionResponse)

/** A request that left the engine and waits for the test's response. */
export class SentRequest {
  readonly call: ProduceCall
  readonly nodeId: number
  readonly message: ProduceRequest
  readonly batches: SentBatch[] = []
  /** A broker may respond in any order. */
  respondsBackwards = false

  constructor(nodeId: number, call: ProduceCall) {
    this.nodeId = nodeId
    this.call = call
    const bytes = Buffer.concat(call.chunks)
    this.message = produceApi.decodeRequest(new Reader(bytes), call.version)
    for (const topic of this.message.topicData) {
      for (const { index, records } of topic.partitionData) {
        const header = decodeBatchHeader(records!, 0)
        this.batches.push({
          topic: topicText(topic),
          partition: index,
          records: header.recordCount,
          producerId: header.producerId,
          epoch: header.producerEpoch,
          sequence: header.baseSequence,
        })
      }
    }
  }

  /** Responds to every batch alike, or by `topic-partition`. */
  respond(responseOf: ResponseOf = {}): void {
    this.#respondWith(this.#partsOf(responseOf))
  }

  /** A response with two results for each partition. */
  respondTwice(first: ResponseOf, second: ResponseOf): void {
    this.#respondWith([...this.#partsOf(first), ...this.#partsOf(second)])
  }

  /** A response that also has results for partitions of other requests. */
  respondWithOthers(responseOf: ResponseOf): void {
    const parts = this.#partsOf(responseOf)
    const others = parts.map((topic) => ({
      ...topic,
      partitionResponses: topic.partitionResponses.map((part) => ({ ...part, index: 99 })),
    }))
    this.#respondWith([...others, ...parts])
  }

  #respondWith(responses: ProduceResponse['responses']): void {
    this.call.onResponse({
      responses: this.respondsBackwards ? reversed(responses) : responses,
      throttleTimeMs: 0,
      nodeEndpoints: [],
    })
  }

  #partsOf(responseOf: ResponseOf) {
    return this.message.topicData.map((topic) => ({
      name: topic.name,
      topicId: topic.topicId,
      partitionResponses: topic.partitionData.map(({ index }) => {
        const batch = this.batches.find(
          (sent) => sent.topic === topicText(topic) && sent.partition === index,
        )!
        const given = typeof responseOf === 'function' ? responseOf(batch) : responseOf
        return {
          index,
          errorCode: given.error ?? errorNumber.NONE,
          baseOffset: given.error ? -1 : (given.baseOffset ?? 0),
          logAppendTimeMs: given.logAppendTime ?? -1,
          logStartOffset: 0,
          recordErrors: (given.named ?? []).map((batchIndex) => ({
            batchIndex,
            batchIndexErrorMessage: `record ${batchIndex} is wrong`,
          })),
          errorMessage: null,
          currentLeader: given.leader ?? { leaderId: -1, leaderEpoch: -1 },
        }
      }),
    }))
  }

  fail(code: 'CONNECTION_LOST' | 'REQUEST_TIMEOUT', written: boolean): void {
    this.call.onFailure(new KafkaError(code, `${code} in a test`), written)
  }
}

/** Its name; in versions that have none the first byte of its id. */
const topicText = ({ name, topicId }: { name: string; topicId: Uint8Array }): string =>
  name === '' ? `id ${topicId[0]}` : name

const reversed = (topics: ProduceResponse['responses']): ProduceResponse['responses'] =>
  topics
    .map((topic) => ({ ...topic, partitionResponses: topic.partitionResponses.toReversed() }))
    .toReversed()

class FakeLink implements BrokerLink {
  readonly nodeId: number
  readonly name: string
  ready = true
  produceVersion = 12
  lastError: KafkaError | null = null
  opened = 0
  readonly #sent: SentRequest[]

  constructor(nodeId: number, sent: SentRequest[]) {
    this.nodeId = nodeId
    this.name = `test:${nodeId}`
    this.#sent = sent
  }

  open(): void {
    this.opened++
  }

  produce(call: ProduceCall): void {
    this.#sent.push(new SentRequest(this.nodeId, call))
  }
}

/** A call to a coordinator that waits for the test's response. */
export interface CoordinatorCall {
  /** `init 4711/3`, `add t-0`, `offsets group`, `commit`, `abort`: as the log has it. */
  readonly summary: string
  succeed(next?: ProducerIdentity | null): void
  /** `'maybe'` = an attempt before had no response. */
  fail(error: number, persisted?: Persisted): void
}

/** The coordinators: calls wait for the test. */
export class FakeTransactions implements TransactionPort {
  version2 = false
  lastError: KafkaError | null = null
  readonly calls: CoordinatorCall[] = []

  /** The only call since the last one. */
  takeOne(): CoordinatorCall {
    const calls = this.calls.splice(0)
    if (calls.length !== 1) throw new Error(`${calls.length} calls were made, not 1`)
    return calls[0]!
  }

  initProducerId(
    { producerId, epoch }: ProducerIdentity,
    done: (error: KafkaError | null, identity: ProducerIdentity | null) => void,
  ): void {
    this.#push(`init ${producerId}/${epoch}`, done)
  }

  addPartitions(
    _scope: TransactionScope,
    partitions: readonly TopicPartition[],
    done: (error: KafkaError | null) => void,
  ): void {
    const names = partitions.map(({ topic, partition }) => `${topic}-${partition}`)
    this.#push(`add ${names.join(' ')}`, done)
  }

  sendOffsets(
    _scope: TransactionScope,
    group: GroupMetadata,
    _offsets: readonly ConsumedOffset[],
    done: (error: KafkaError | null) => void,
  ): void {
    this.#push(`offsets ${group.groupId}`, done)
  }

  end(
    { epoch }: TransactionScope,
    commit: boolean,
    done: (error: KafkaError | null, next: ProducerIdentity | null) => void,
  ): void {
    this.#push(`${commit ? 'commit' : 'abort'} ${epoch}`, done)
  }

  #push(
    summary: string,
    done: (error: KafkaError | null, identity: ProducerIdentity | null) => void,
  ): void {
    this.calls.push({
      summary,
      succeed: (next = null) => done(null, next),
      fail: (error, persisted = 'no') =>
        done(brokerError(error, { api: 'EndTxn', broker: 'test:1', persisted }), null),
    })
  }
}

/** Everything around one engine. */
export class Bench implements ClusterPort {
  now = 1000
  awake = false
  readonly settings: EngineSettings
  readonly engine: Engine
  readonly sent: SentRequest[] = []
  readonly links = new Map<number, FakeLink>()
  readonly topicRequests: string[] = []
  /** The partitions whose leaders rejected a batch. */
  readonly rejectedLeaders: string[] = []
  readonly forgotten: string[] = []
  readonly hints: LeaderHint[] = []
  readonly idRequests: ProducerIdentity[] = []
  readonly unclaimed: KafkaError[] = []
  readonly callbackErrors: unknown[] = []
  /** Every settlement in order: `value:offset` or `value!CODE`. */
  readonly log: string[] = []
  readonly errors = new Map<string, KafkaError>()
  readonly metadata = new Map<string, RecordMetadata>()
  metadataError: KafkaError | null = null
  /** There with the setting transactionalId. */
  readonly transactions: FakeTransactions | null
  spaceReported = 0

  constructor(
    changes: Partial<EngineSettings> = {},
    topics: Record<string, number[]> = { t: [1] },
    makePartitioner?: PartitionerFactory,
  ) {
    this.settings = settingsOf(changes)
    this.transactions = this.settings.transactionalId === null ? null : new FakeTransactions()
    const random = seededRandom(7)
    this.engine = new Engine(
      this.settings,
      {
        now: () => this.now,
        wallTime: () => 1_700_000_000_000 + this.now,
        random: () => random.next(),
        wake: () => {
          this.awake = true
        },
        onUnobservedFailure: (error) => this.unclaimed.push(error),
        onCallbackError: (error) => this.callbackErrors.push(error),
        onSpace: () => {
          this.spaceReported++
        },
      },
      this,
      makePartitioner ?? createPartitioner('java', random),
    )
    this.topics = topics
  }

  readonly topics: Record<string, number[]>

  link(nodeId: number): FakeLink | undefined {
    let link = this.links.get(nodeId)
    if (link === undefined && nodeId >= 0) {
      link = new FakeLink(nodeId, this.sent)
      this.links.set(nodeId, link)
    }
    return link
  }

  readonly racks = new Map<number, string>()

  rackOf(nodeId: number): string | null {
    return this.racks.get(nodeId) ?? null
  }

  refreshTopic(topic: string, why: TopicRequestReason, partition?: number): void {
    this.topicRequests.push(`${why} ${topic}`)
    if (partition !== undefined) this.rejectedLeaders.push(`${topic}-${partition}`)
  }

  leaderErrors = new Map<number, number>()

  leaderErrorCode(_topic: string, partition: number): number {
    return this.leaderErrors.get(partition) ?? errorNumber.LEADER_NOT_AVAILABLE
  }

  forgetTopic(topic: string): void {
    this.forgotten.push(topic)
  }

  applyLeaderHint(hint: LeaderHint): void {
    this.hints.push(hint)
  }

  initProducerId(current: ProducerIdentity): void {
    this.idRequests.push(current)
  }

  /** Tells the engine of a topic: leaders by partition. */
  tellTopic(name: string, leaders = this.topics[name]!, epoch = 0, id = 0): void {
    this.engine.onTopic({
      name,
      topicId: new Uint8Array(16).fill(id),
      partitions: leaders.map((leaderId) => ({ leaderId, leaderEpoch: epoch })),
    })
  }

  giveId(producerId = 4711, epoch = 0): void {
    this.engine.onProducerId({ producerId, epoch })
  }

  /** Runs steps until the engine needs no more; returns when it needs the next one. */
  step(): number {
    let next = Number.POSITIVE_INFINITY
    for (let count = 0; count < 1000; count++) {
      this.awake = false
      next = this.engine.step()
      if (!this.awake) return next
    }
    throw new Error('the engine never rests')
  }

  /** Moves time and steps. */
  advance(ms: number): number {
    this.now += ms
    this.engine.wake()
    return this.step()
  }

  /** Topic known, id given: records leave with the next step. */
  static ready(
    changes: Partial<EngineSettings> = {},
    topics: Record<string, number[]> = { t: [1] },
    makePartitioner?: PartitionerFactory,
  ): Bench {
    const bench = new Bench(changes, topics, makePartitioner)
    for (const name of Object.keys(topics)) {
      bench.send('warm', { topic: name, partition: 0 })
      bench.tellTopic(name)
    }
    bench.step()
    if (bench.settings.idempotent) bench.giveId()
    bench.step()
    for (const request of bench.take()) request.respond()
    bench.step()
    bench.log.length = 0
    return bench
  }

  /** Appends a record whose value is its name in the log. */
  send(value: string, record: Partial<ProducerRecord> = {}) {
    return this.engine.append(this.#recordOf(value, record), this.#settleOf(value))
  }

  tryAppend(value: string, record: Partial<ProducerRecord> = {}): boolean {
    return this.engine.tryAppend(this.#recordOf(value, record), this.#settleOf(value))
  }

  #recordOf(value: string, record: Partial<ProducerRecord>): ProducerRecord {
    return { topic: 't', partition: 0, value, ...record }
  }

  #settleOf(value: string) {
    return (error: KafkaError | null, metadata: RecordMetadata | null): void => {
      if (error !== null) this.errors.set(value, error)
      else this.metadata.set(value, metadata!)
      this.log.push(error === null ? `${value}:${metadata!.offset}` : `${value}!${error.code}`)
    }
  }

  /** The requests sent since the last call. */
  take(): SentRequest[] {
    return this.sent.splice(0)
  }

  /** The only request sent since the last call. */
  takeOne(): SentRequest {
    const requests = this.take()
    if (requests.length !== 1) throw new Error(`${requests.length} requests were sent, not 1`)
    return requests[0]!
  }
}
