// The engine stepped by hand for the micro-benchmarks: a cluster that is always ready and notes the
// requests, a clock that the caller moves. No socket, no timer, no promise.
import { Engine } from '../../packages/millrace/dist/src/engine/engine.js'

const engine = '../../packages/millrace/dist/src/engine'
const { createPartitioner } = await import(`${engine}/partitioner/partitioner.js`)

import { seededRandom } from '../../packages/millrace/dist/src/runtime/random.js'

const kib = 1024

/** The producer's defaults. */
const settings = {
  acks: -1,
  idempotent: true,
  maxInFlightRequests: 5,
  batchBytes: 512 * kib,
  maxRequestBytes: 8192 * kib,
  bufferMemoryBytes: 32_768 * kib,
  waitingMemoryBytes: 1_048_576 * kib,
  lingerMs: 0,
  flush: null,
  deliveryTimeoutMs: 120_000,
  requestTimeoutMs: 30_000,
  maxBlockMs: 60_000,
  unknownTopicTimeoutMs: 10_000,
  retries: 2 ** 31 - 1,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  transactionalId: null,
  rack: null,
  partitionerAvailabilityTimeoutMs: 0,
  metadataWaitMs: 60_000,
  metadataMaxIdleMs: 300_000,
  codecs: [null],
  topics: new Map(),
}

const topicId = Buffer.alloc(16, 7)
const produceVersion = 12

const responseOf = (index, baseOffset) => ({
  index,
  errorCode: 0,
  baseOffset,
  logAppendTimeMs: -1,
  logStartOffset: 0,
  recordErrors: [],
  errorMessage: null,
  currentLeader: { leaderId: -1, leaderEpoch: -1 },
})

const rethrow = (error) => {
  throw error
}

/** An engine with one topic, `t`, whose partitions one broker leads. */
export class EngineBench {
  engine
  #now = 1000
  #sent = []
  #isIdentityWanted = false
  #baseOffset = 0
  #partitions

  constructor(partitionCount) {
    const partitioner = createPartitioner('java', seededRandom(1))
    this.engine = new Engine(settings, this.#makeHost(), this.#makeCluster(), partitioner)
    const partition = { leaderId: 1, leaderEpoch: 0 }
    this.#partitions = new Array(partitionCount).fill(partition)
    this.engine.onTopic({ name: 't', topicId, partitions: this.#partitions })
  }

  #makeHost() {
    return {
      now: () => this.#now,
      wallTime: () => 1_700_000_000_000 + this.#now,
      random: () => 0.5,
      wake: () => {},
      onUnobservedFailure: rethrow,
      onCallbackError: rethrow,
      onSpace: () => {},
    }
  }

  #makeCluster() {
    const link = {
      nodeId: 1,
      name: 'bench:1',
      ready: true,
      produceVersion,
      lastError: null,
      open: () => {},
      produce: (call) => this.#sent.push(call),
    }
    return {
      link: () => link,
      rackOf: () => null,
      refreshTopic: () => {},
      forgetTopic: () => {},
      applyLeaderHint: () => {},
      initProducerId: () => {
        this.#isIdentityWanted = true
      },
      transactions: null,
      metadataError: null,
    }
  }

  /** Everything that is open goes out; the clock moves by a millisecond. */
  step() {
    this.#now += 1
    this.engine.step()
    if (!this.#isIdentityWanted) return
    this.#isIdentityWanted = false
    this.engine.onProducerId({ producerId: 4711, epoch: 0 })
    this.engine.step()
  }

  /** Requests that were sent and have no response. */
  takeSent() {
    return this.#sent.splice(0)
  }

  /** A broker's response; made beforehand, since it is not part of the measurement. */
  makeResponse() {
    this.#baseOffset += 1000
    const partitionResponses = this.#partitions.map((_, index) =>
      responseOf(index, this.#baseOffset),
    )
    return {
      responses: [{ name: 't', topicId, partitionResponses }],
      throttleTimeMs: 0,
      nodeEndpoints: [],
    }
  }
}
