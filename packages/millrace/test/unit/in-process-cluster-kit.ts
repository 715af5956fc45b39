// What the tests of the in-process cluster share: a client that speaks the protocol by hand,
// through the schemas alone, and batches to send. It knows nothing of the producer.

import assert from 'node:assert/strict'
import type { ClusterOptions } from '../../src/in-process-cluster/cluster-options.ts'
import { TestCluster } from '../../src/in-process-cluster/in-process-cluster.ts'
import type { ProduceRequest, ProduceResponse } from '../../src/protocol/api/00-produce.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { codecOf } from '../../src/protocol/compression/codecs.ts'
import {
  type BatchToEncode,
  encodeBatch,
  type RecordToEncode,
} from '../../src/protocol/records/encode-batch.ts'
import type { Api, Input } from '../../src/protocol/schema/api.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { ByteStream, Transport } from '../../src/runtime/transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

interface Pending {
  readonly apiKey: number
  readonly flexible: boolean
  resolve(body: Reader): void
  reject(error: Error): void
}

/** A connection to one node. Responses come in order; a closed connection rejects what waits. */
export class RawClient {
  readonly #stream: ByteStream
  readonly #pending = new Map<number, Pending>()
  /** Resolves once the connection is gone. */
  readonly closed: Promise<void>
  /** Correlation ids in the order of their responses. */
  readonly responded: number[] = []
  #buffer: Buffer = Buffer.alloc(0)
  #nextId = 1
  #isClosed = false
  #sentRaw = false
  #bareResponses = 0

  constructor(broker: string, transport: Transport = tcpTransport) {
    const [host = '', port = ''] = broker.split(':')
    let resolveClosed = (): void => {}
    this.closed = new Promise((resolve) => {
      resolveClosed = resolve
    })
    this.#stream = transport.connect(
      { host, port: Number(port) },
      {
        onData: (bytes) => this.#onData(bytes),
        onClose: () => {
          this.#isClosed = true
          for (const { reject } of this.#pending.values()) reject(new Error('closed'))
          this.#pending.clear()
          resolveClosed()
        },
      },
    )
  }

  /** Responses that have not come. */
  get waiting(): number {
    return this.#pending.size
  }

  async request<Request, Response>(
    api: Api<Request, Response>,
    version: number,
    request: Input<Request>,
  ): Promise<Response> {
    const flexible = api.isFlexible(version)
    const body = await this.send(api.key, version, flexible, (writer) =>
      api.encodeRequest(writer, request, version),
    )
    return api.decodeResponse(body, version)
  }

  /** Any bytes after the header; the response's body as a reader. */
  send(
    apiKey: number,
    apiVersion: number,
    flexible: boolean,
    encode: (writer: Writer) => void,
  ): Promise<Reader> {
    const correlationId = this.#nextId++
    const writer = new Writer()
    writer.reserve(4)
    encodeRequestHeader(writer, { apiKey, apiVersion, correlationId, clientId: 'raw' }, flexible)
    encode(writer)
    writer.patchInt32(0, writer.size - 4)
    const response = new Promise<Reader>((resolve, reject) => {
      if (this.#isClosed) {
        reject(new Error('closed'))
        return
      }
      this.#pending.set(correlationId, { apiKey, flexible, resolve, reject })
    })
    response.catch(() => {})
    this.#stream.write([writer.finish()])
    return response
  }

  /** Bytes as they are, without a header; responses to them are dropped. */
  sendRaw(bytes: Uint8Array): void {
    this.#sentRaw = true
    this.#stream.write([bytes])
  }

  /** The next frame that comes is no response to a request: it is dropped. */
  expectBareResponse(): void {
    this.#bareResponses++
  }

  close(): void {
    this.#stream.destroy()
  }

  #onData(bytes: Uint8Array): void {
    this.#buffer = Buffer.concat([this.#buffer, bytes])
    while (this.#buffer.length >= 4) {
      const size = this.#buffer.readInt32BE(0)
      if (this.#buffer.length < 4 + size) return
      const frame = this.#buffer.subarray(4, 4 + size)
      this.#buffer = this.#buffer.subarray(4 + size)
      if (this.#bareResponses > 0) {
        this.#bareResponses--
        continue
      }
      const correlationId = frame.readInt32BE(0)
      const pending = this.#pending.get(correlationId)
      if (pending === undefined) {
        if (this.#sentRaw) continue
        throw new Error(`a response to no request: ${correlationId}`)
      }
      this.#pending.delete(correlationId)
      this.responded.push(correlationId)
      const reader = new Reader(frame)
      decodeResponseHeader(reader, pending.apiKey, pending.flexible)
      pending.resolve(reader)
    }
  }
}

/** A batch of `count` records with the values 0 … count - 1. */
export const batchOf = (count: number, batch: BatchToEncode = {}): Uint8Array =>
  encodeBatch(
    Array.from({ length: count }, (_, index) => ({
      key: `k${index}`,
      value: String(index),
      timestamp: 1_700_000_000_000 + index,
    })),
    batch,
  )

export const batchOfRecords = (
  records: readonly RecordToEncode[],
  batch: BatchToEncode = {},
): Uint8Array => encodeBatch(records, batch)

export type PartitionResponse = ProduceResponse['responses'][number]['partitionResponses'][number]

/** A Produce request for one partition, by name (up to version 12). */
export const produceTo = (
  topic: string,
  index: number,
  records: Uint8Array | null,
  acks = -1,
): Input<ProduceRequest> => ({
  acks,
  timeoutMs: 1000,
  topicData: [{ name: topic, partitionData: [{ index, records }] }],
})

/** Sends one batch to one partition and gives that partition's response. */
export const produce = async (
  client: RawClient,
  topic: string,
  index: number,
  records: Uint8Array | null,
  version = 12,
): Promise<PartitionResponse> => {
  const response = await client.request(produceApi, version, produceTo(topic, index, records))
  return response.responses[0]!.partitionResponses[0]!
}

/** A cluster on an in-memory network, under virtual time. */
export interface Stage {
  readonly cluster: TestCluster
  readonly clock: VirtualClock
  /** A client of the node with this id. */
  connect(node?: number): RawClient
  /** Runs the world until the promise settles. */
  run<Value>(promise: Promise<Value>): Promise<Value>
}

const runLimitMs = 600_000

/** Runs the body with a cluster, then closes it and checks that no timer is left. */
export const onStage = async (
  options: ClusterOptions,
  body: (stage: Stage) => Promise<void>,
): Promise<void> => {
  // On Node 20 the only codec that must be loaded before batchOf can use it.
  await codecOf('zstd').load()
  const clock = new VirtualClock()
  const transport = new MemoryNetwork({ clock })
  const run = <Value>(promise: Promise<Value>): Promise<Value> =>
    clock.runUntil(promise, runLimitMs)
  const clients: RawClient[] = []
  const cluster = await run(
    TestCluster.start(options, { transport, clock, random: seededRandom(1) }),
  )
  const connect = (node = 1): RawClient => {
    const client = new RawClient(cluster.node(node).address, transport)
    clients.push(client)
    return client
  }
  await body({ cluster, clock, connect, run })
  for (const client of clients) client.close()
  await run(cluster.close())
  await clock.advance(0)
  assert.equal(clock.pendingTimers, 0, 'a timer is left')
}
