// The client metrics of the cluster (KIP-714): the metrics that it requests, and those that clients
// pushed. It replaces a broker's receiver plugin and must be as strict as Kafka about subscription
// ids, sizes, codecs, early pushes, and pushes after the last one. in-process-cluster.ts owns it;
// the telemetry handlers call it.

import type { CompressionType } from '../protocol/compression/codec.ts'
import { codecOf, compressionTypes, decompress } from '../protocol/compression/codecs.ts'
import { errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { decodeMetrics, type OtlpMetric } from '../protocol/otlp.ts'
import type { Clock } from '../runtime/clock.ts'
import { type Random, randomBelow } from '../runtime/random.ts'

/** Which metrics clients must push. */
export interface TelemetryOptions {
  /** Prefixes of metric names; `['']` (default) = all, `[]` = none. */
  readonly metrics?: readonly string[] | undefined
  /** 300,000 by default, as in Kafka. */
  readonly pushIntervalMs?: number | undefined
  /** The accepted codecs, the preferred one first; all of Kafka's by default. */
  readonly compression?: readonly CompressionType[] | undefined
  /** 1 MiB by default. */
  readonly maxBytes?: number | undefined
  /** Whether sums contain only the changes since the last push; false by default. */
  readonly deltas?: boolean | undefined
}

/** One push of a client's metrics. */
export interface PushedMetrics {
  /** The client's id; null = it sent none. */
  readonly clientId: string | null
  /** The id of the client instance (KIP-714), as hexadecimal text. */
  readonly clientInstanceId: string
  /** Id of the node that received it. */
  readonly node: number
  /** Whether the client marked it as its last push. */
  readonly terminating: boolean
  /** The compression of the push. */
  readonly compression: CompressionType
  /** The size of the push in bytes, compressed. */
  readonly bytes: number
  /** The OTLP resource attributes, which describe the client. */
  readonly resource: Readonly<Record<string, string>>
  /** The metrics, decoded from OTLP. */
  readonly metrics: readonly OtlpMetric[]
}

/** The number of latest pushes that are kept. */
const pushesMax = 1000
const instancesMax = 10_000
const decompressedMax = 16 * 1024 * 1024

interface Instance {
  subscriptionId: number
  pushedAtMs: number
  isOver: boolean
}

type PushResponse = { readonly errorCode: number }

export interface PushRequest {
  readonly clientInstanceId: Uint8Array
  readonly subscriptionId: number
  readonly terminating: boolean
  readonly compressionType: number
  readonly metrics: Uint8Array
}

const hexOf = (id: Uint8Array): string => Buffer.from(id).toString('hex')
const emptyId = hexOf(new Uint8Array(16))

export class ClientTelemetry {
  readonly #clock: Clock
  readonly #random: Random
  #options: TelemetryOptions
  #subscriptionId: number
  readonly #instances = new Map<string, Instance>()
  readonly #pushes: PushedMetrics[] = []

  constructor(options: TelemetryOptions, clock: Clock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#options = options
    this.#subscriptionId = 1 + randomBelow(random, 1_000_000)
  }

  get pushes(): readonly PushedMetrics[] {
    return [...this.#pushes]
  }

  /**
   * Requests other metrics: the next push of each client is rejected, and the client subscribes
   * again.
   */
  change(options: TelemetryOptions): void {
    this.#options = options
    this.#subscriptionId++
  }

  /** The response to GetTelemetrySubscriptions. */
  subscribe(clientInstanceId: Uint8Array) {
    const isNew = hexOf(clientInstanceId) === emptyId
    const id = isNew ? this.#newId() : clientInstanceId
    if (this.#instances.size >= instancesMax) return { errorCode: errorNumber.INVALID_REQUEST }
    this.#instances.set(hexOf(id), {
      subscriptionId: this.#subscriptionId,
      pushedAtMs: Number.NEGATIVE_INFINITY,
      isOver: false,
    })
    const { metrics = [''], pushIntervalMs = 300_000, maxBytes = 1024 * 1024 } = this.#options
    return {
      errorCode: errorNumber.NONE,
      clientInstanceId: id,
      subscriptionId: this.#subscriptionId,
      acceptedCompressionTypes: this.#codecs.map((name) => codecOf(name).id),
      pushIntervalMs,
      telemetryMaxBytes: maxBytes,
      deltaTemporality: this.#options.deltas ?? false,
      requestedMetrics: [...metrics],
    }
  }

  push(request: PushRequest, node: number, clientId: string | null): PushResponse {
    const errorCode = this.#problemOf(request)
    if (errorCode !== errorNumber.NONE) return { errorCode }
    const { clientInstanceId, terminating, compressionType, metrics: bytes } = request
    const instance = this.#instances.get(hexOf(clientInstanceId))!
    instance.pushedAtMs = this.#clock.now()
    instance.isOver = terminating
    try {
      const { resource, metrics } = decodeMetrics(
        decompress(compressionType, bytes, decompressedMax),
      )
      if (this.#pushes.length >= pushesMax) this.#pushes.shift()
      this.#pushes.push({
        clientId,
        clientInstanceId: hexOf(clientInstanceId),
        node,
        terminating,
        compression: compressionTypes[compressionType]!,
        bytes: bytes.length,
        resource,
        metrics,
      })
      return { errorCode: errorNumber.NONE }
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error
      return { errorCode: errorNumber.INVALID_RECORD }
    }
  }

  #problemOf(request: PushRequest): number {
    const { clientInstanceId, subscriptionId, terminating, compressionType, metrics } = request
    const { pushIntervalMs = 300_000, maxBytes = 1024 * 1024 } = this.#options
    const instance = this.#instances.get(hexOf(clientInstanceId))
    if (instance?.isOver) return errorNumber.INVALID_REQUEST
    if (instance === undefined || subscriptionId !== this.#subscriptionId) {
      return errorNumber.UNKNOWN_SUBSCRIPTION_ID
    }
    const isEarly = this.#clock.now() - instance.pushedAtMs < pushIntervalMs / 2
    if (isEarly && !terminating) return errorNumber.THROTTLING_QUOTA_EXCEEDED
    const codec = compressionTypes[compressionType]
    if (codec === undefined || (codec !== 'none' && !this.#codecs.includes(codec))) {
      return errorNumber.UNSUPPORTED_COMPRESSION_TYPE
    }
    return metrics.length > maxBytes ? errorNumber.TELEMETRY_TOO_LARGE : errorNumber.NONE
  }

  get #codecs(): readonly CompressionType[] {
    return this.#options.compression ?? ['zstd', 'lz4', 'gzip', 'snappy']
  }

  #newId(): Uint8Array {
    return Uint8Array.from({ length: 16 }, () => randomBelow(this.#random, 256))
  }
}
