// Throttles Produce requests by bytes and records per second, as brokers with quotas do. One quota
// is shared by all connections of a cluster. node-connection.ts charges each request to it.
//
// Each limit is a token bucket, which holds the tokens of one second. A request takes its tokens
// even if the bucket has too few. The number of tokens is negative then, and the request is
// throttled for the time in which it rises to 0 again.

import { batchHeaderBytes, batchOffsets } from '../protocol/records/layout.ts'
import type { Clock } from '../runtime/clock.ts'

/** Option `produceQuota` of `startCluster`. */
export interface ProduceQuotaOptions {
  /** Bytes of Produce requests per second, of all clients together; unlimited by default. */
  readonly bytesPerSecond?: number | undefined
  /** Records per second, of all clients together; unlimited by default. */
  readonly recordsPerSecond?: number | undefined
  /**
   * What is delayed when the quota is exceeded. `requests` (default), as in Kafka: the response is
   * sent at once, then no request is read from the connection for the throttle time. `responses`,
   * as in Azure Event Hubs: the response is sent after the throttle time; a request whose
   * `timeoutMs` is shorter is rejected with POLICY_VIOLATION.
   */
  readonly delays?: 'requests' | 'responses' | undefined
}

/** How one request is throttled. */
export interface Throttle {
  /** The response's field of this name. */
  readonly throttleTimeMs: number
  /** How long the request waits before its records are written. */
  readonly delayMs: number
  /** How long no request is read from the connection after the response. */
  readonly muteMs: number
  /** Whether the request fails without a write: the delay would be longer than its timeoutMs. */
  readonly isRejected: boolean
}

export const noThrottle: Throttle = { throttleTimeMs: 0, delayMs: 0, muteMs: 0, isRejected: false }

/** The fields of a Produce request that the quota reads. */
interface ProduceBody {
  readonly timeoutMs: number
  readonly topicData: readonly {
    readonly partitionData: readonly { readonly records: Uint8Array | null }[]
  }[]
}

/** The tokens of one kind, bytes or records. */
class Bucket {
  readonly #perSecond: number
  #tokens: number
  #filledAt: number

  constructor(perSecond: number, now: number) {
    this.#perSecond = perSecond
    this.#tokens = perSecond
    this.#filledAt = now
  }

  /** Takes tokens; returns in how many milliseconds their number is 0 or more again. */
  take(count: number, now: number): number {
    if (this.#perSecond === Number.POSITIVE_INFINITY) return 0
    const filled = this.#tokens + ((now - this.#filledAt) * this.#perSecond) / 1000
    this.#tokens = Math.min(this.#perSecond, filled) - count
    this.#filledAt = now
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens * 1000) / this.#perSecond)
  }

  refund(count: number): void {
    this.#tokens += count
  }
}

/** From the batch headers: a Produce request has one batch for each partition. */
const recordCountOf = (body: ProduceBody): number => {
  let count = 0
  for (const { partitionData } of body.topicData) {
    for (const { records } of partitionData) {
      if (records === null || records.byteLength < batchHeaderBytes) continue
      const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
      count += Math.max(0, view.getInt32(batchOffsets.recordCount))
    }
  }
  return count
}

export class ProduceQuota {
  readonly #clock: Clock
  readonly #bytes: Bucket
  readonly #records: Bucket
  readonly #delaysResponses: boolean

  constructor(options: ProduceQuotaOptions, clock: Clock) {
    const { bytesPerSecond = Number.POSITIVE_INFINITY } = options
    const { recordsPerSecond = Number.POSITIVE_INFINITY } = options
    this.#clock = clock
    this.#bytes = new Bucket(bytesPerSecond, clock.now())
    this.#records = new Bucket(recordsPerSecond, clock.now())
    this.#delaysResponses = options.delays === 'responses'
  }

  /** Takes the tokens of a decoded Produce request. A request that is rejected takes none. */
  charge(body: unknown, requestBytes: number): Throttle {
    const produce = body as ProduceBody
    const recordCount = recordCountOf(produce)
    const now = this.#clock.now()
    const ms = Math.max(this.#bytes.take(requestBytes, now), this.#records.take(recordCount, now))
    if (ms === 0) return noThrottle
    if (!this.#delaysResponses) {
      return { throttleTimeMs: ms, delayMs: 0, muteMs: ms, isRejected: false }
    }
    const isRejected = ms > produce.timeoutMs
    if (isRejected) {
      this.#bytes.refund(requestBytes)
      this.#records.refund(recordCount)
    }
    return { throttleTimeMs: ms, delayMs: isRejected ? 0 : ms, muteMs: 0, isRejected }
  }
}
