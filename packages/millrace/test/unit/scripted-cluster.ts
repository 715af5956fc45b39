// A cluster of two nodes that has no log and no network: it answers each request of a client in the
// next immediate, from a table by API, and damages the responses of one API. Hundreds of thousands
// of responses in minutes are its purpose. Used by client-fuzz.ts. Requests are read with the
// schemas, so that a request that no broker could read is found.

import type { ProduceRequest } from '../../src/protocol/api/00-produce.ts'
import type { MetadataRequest } from '../../src/protocol/api/03-metadata.ts'
import type { AddPartitionsToTxnRequest } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import type { TxnOffsetCommitRequest } from '../../src/protocol/api/28-txn-offset-commit.ts'
import { apiByKey, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import { decodeRequestHeader, encodeResponseHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { type Random, randomBelow } from '../../src/runtime/random.ts'
import type { Address, ByteStream, StreamHandler, Transport } from '../../src/runtime/transport.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { damagedResponse, ResponseTimes } from './damaged-response.ts'

const nodes = [0, 1].map((nodeId) => ({ nodeId, host: `10.0.0.${nodeId + 1}`, port: 9092 }))
const partitionCount = 2

const topicIdOf = (name: string): Uint8Array => {
  const id = new Uint8Array(16)
  id.set(Buffer.from(name).subarray(0, 16))
  return id
}

interface Request {
  readonly version: number
  readonly body: unknown
}

export class ScriptedCluster implements Transport {
  /** The API whose responses are damaged now. */
  target: string | null = null
  /** Makes a good response one after which the client sends the target's API again. */
  provokes: ((api: string) => number) | null = null
  transactionVersion = 2
  damagedCount = 0
  times = new ResponseTimes()
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #open = new Set<ScriptedStream>()
  #epoch = 0
  #offset = 0

  constructor(clock: VirtualClock, random: Random) {
    this.#clock = clock
    this.#random = random
  }

  resolve(host: string): Promise<readonly string[]> {
    return Promise.resolve([host])
  }

  connect(address: Address, handler: StreamHandler): ByteStream {
    const stream = new ScriptedStream(this, this.#clock, handler)
    const isNode = nodes.some(({ host, port }) => host === address.host && port === address.port)
    if (isNode) {
      this.#open.add(stream)
      this.#clock.setImmediate(() => stream.begin())
    } else
      stream.destroy(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    return stream
  }

  forget(stream: ScriptedStream): void {
    this.#open.delete(stream)
  }

  /** Breaks every connection, so that the next send begins with handshakes. */
  disconnect(): void {
    for (const stream of [...this.#open]) stream.destroy()
  }

  /** The response to a request, with its size in front; damaged if it is the target's. */
  respond(request: Uint8Array): Uint8Array {
    const reader = new Reader(request, 4)
    const header = decodeRequestHeader(reader, isFlexibleRequest)
    const api = apiByKey.get(header.apiKey)!
    const version = header.apiVersion
    const body = api.decodeRequest(reader, version)
    const writer = new Writer()
    encodeResponseHeader(writer, api.key, header.correlationId, api.isFlexible(version))
    api.encodeResponse(writer, this.#bodyOf(api.name, { version, body }) as never, version)
    let frame = writer.finish()
    if (api.name === this.target) {
      this.damagedCount++
      frame = damagedResponse(this.#random, frame, api, version)
    }
    const bytes = Buffer.alloc(4 + frame.length)
    bytes.writeInt32BE(frame.length)
    bytes.set(frame, 4)
    return bytes
  }

  #bodyOf(api: string, { version, body }: Request): object {
    const errorCode = this.provokes?.(api) ?? 0
    switch (api) {
      case 'ApiVersions':
        return this.#versions(version)
      case 'SaslHandshake':
        return { errorCode, mechanisms: ['PLAIN'] }
      case 'SaslAuthenticate':
        return { errorCode, authBytes: new Uint8Array(0), sessionLifetimeMs: 0 }
      case 'Metadata':
        return this.#metadata(body as MetadataRequest)
      case 'Produce':
        return this.#produced(body as ProduceRequest, errorCode)
      case 'FindCoordinator':
        return this.#coordinator(body as { coordinatorKeys: readonly string[] })
      case 'InitProducerId':
      case 'EndTxn':
        return this.#identity(errorCode)
      case 'AddPartitionsToTxn':
        return this.#added(body as AddPartitionsToTxnRequest, errorCode)
      case 'TxnOffsetCommit':
        return this.#committed(body as TxnOffsetCommitRequest, errorCode)
      case 'GetTelemetrySubscriptions':
        return {
          clientInstanceId: new Uint8Array(16).fill(1),
          subscriptionId: 1,
          acceptedCompressionTypes: [0],
          pushIntervalMs: 1_000,
          telemetryMaxBytes: 1_000_000,
          requestedMetrics: ['org.apache.kafka.producer.record', 'org.apache.kafka.producer.x'],
        }
      default:
        return { errorCode }
    }
  }

  #identity(errorCode: number): object {
    this.#epoch = (this.#epoch + 1) % 99
    return { errorCode, producerId: 1000, producerEpoch: this.#epoch }
  }

  #versions(version: number): object {
    const apiKeys = [...apiByKey.values()].map(({ key, clientVersions }) => ({
      apiKey: key,
      minVersion: clientVersions.min,
      maxVersion: clientVersions.max,
    }))
    const level = this.transactionVersion
    return {
      apiKeys,
      finalizedFeaturesEpoch: version >= 3 ? 1 : undefined,
      finalizedFeatures: [
        { name: 'transaction.version', maxVersionLevel: level, minVersionLevel: 0 },
      ],
    }
  }

  #metadata({ topics }: MetadataRequest): object {
    return {
      brokers: nodes,
      clusterId: 'scripted',
      controllerId: 0,
      topics: (topics ?? []).map(({ name }) => ({
        name,
        topicId: topicIdOf(name ?? ''),
        partitions: Array.from({ length: partitionCount }, (_, partitionIndex) => ({
          partitionIndex,
          leaderId: partitionIndex % nodes.length,
          leaderEpoch: 1,
          replicaNodes: [0, 1],
          isrNodes: [0, 1],
        })),
      })),
    }
  }

  #produced({ topicData }: ProduceRequest, errorCode: number): object {
    const baseOffset = errorCode === 0 ? this.#offset++ : -1
    return {
      responses: topicData.map(({ name, topicId, partitionData }) => ({
        name,
        topicId,
        partitionResponses: partitionData.map(({ index }) => ({
          index,
          errorCode,
          baseOffset,
          recordErrors: errorCode === 0 ? [] : [{ batchIndex: 0, batchIndexErrorMessage: 'm' }],
        })),
      })),
    }
  }

  #coordinator({ coordinatorKeys }: { coordinatorKeys: readonly string[] }): object {
    const node = nodes[randomBelow(this.#random, nodes.length)]!
    return { coordinators: coordinatorKeys.map((key) => ({ key, ...node })) }
  }

  #added({ v3AndBelowTopics }: AddPartitionsToTxnRequest, partitionErrorCode: number): object {
    return {
      resultsByTopicV3AndBelow: v3AndBelowTopics.map(({ name, partitions }) => ({
        name,
        resultsByPartition: partitions.map((partitionIndex) => ({
          partitionIndex,
          partitionErrorCode,
        })),
      })),
    }
  }

  #committed({ topics }: TxnOffsetCommitRequest, errorCode: number): object {
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
      })),
    }
  }
}

/** One connection: requests are answered together, in the immediate after the first of them. */
class ScriptedStream implements ByteStream {
  readonly pendingBytes = 0
  readonly #cluster: ScriptedCluster
  readonly #clock: VirtualClock
  readonly #handler: StreamHandler
  #requests: { bytes: Uint8Array; flushed: (() => void) | undefined }[] = []
  #isConnected = false
  #isClosed = false

  constructor(cluster: ScriptedCluster, clock: VirtualClock, handler: StreamHandler) {
    this.#cluster = cluster
    this.#clock = clock
    this.#handler = handler
  }

  begin(): void {
    if (this.#isClosed) return
    this.#isConnected = true
    this.#handler.onConnect?.()
    if (this.#requests.length > 0) this.#clock.setImmediate(() => this.#respond())
  }

  write(chunks: readonly Uint8Array[], flushed?: () => void): void {
    if (this.#isClosed) return
    this.#requests.push({ bytes: Buffer.concat(chunks), flushed })
    if (this.#requests.length > 1 || !this.#isConnected) return
    this.#clock.setImmediate(() => this.#respond())
  }

  #respond(): void {
    const requests = this.#requests
    this.#requests = []
    for (const { bytes, flushed } of requests) {
      if (this.#isClosed) return
      flushed?.()
      const response = this.#cluster.respond(bytes)
      this.#cluster.times.measure(() => this.#handler.onData(response))
    }
  }

  pause(): void {}

  resume(): void {}

  destroy(error?: Error): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#cluster.forget(this)
    this.#clock.setImmediate(() => this.#handler.onClose(error))
  }

  setKeepsProcessAlive(): void {}
}
