// Scripted brokers for the tests of src/cluster-client, on an in-memory network under virtual time.
// Each responds to ApiVersions, Metadata, InitProducerId and Produce from plain data that the test
// can change at any time, or as the test's own `respond` says. They check nothing, unlike Kafka.

import { Cluster, type ClusterOptions } from '../../src/cluster-client/cluster-client.ts'
import type { EngineEvents } from '../../src/engine/ports.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { type MetadataRequest, metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { apiVersionsApi } from '../../src/protocol/api/18-api-versions.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { apis as catalogue } from '../../src/protocol/api/catalogue.ts'
import { decodeRequestHeader, encodeResponseHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import type { AnyApi } from '../../src/protocol/schema/api.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { MemoryNetwork } from '../../src/runtime/memory-transport.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import type {
  Address,
  ByteStream,
  Listener,
  ListenTransport,
  StreamHandler,
} from '../../src/runtime/transport.ts'
import { VirtualClock } from '../../src/runtime/virtual-clock.ts'

const usualApis = [
  produceApi,
  metadataApi,
  findCoordinatorApi,
  apiVersionsApi,
  initProducerIdApi,
] as unknown as AnyApi[]

/** Served where a test says so: only its `respond` has the responses. */
const otherApis = [
  'SaslHandshake',
  'SaslAuthenticate',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'GetTelemetrySubscriptions',
  'PushTelemetry',
].map((name) => catalogue.find((api) => api.name === name)!)

const apis = [...usualApis, ...otherApis]

export interface FakeRequest {
  readonly api: string
  readonly version: number
  readonly body: unknown
  readonly atMs: number
}

/** Instead of the usual response: this response, no response, or a closed connection. */
export type FakeResponse = object | Uint8Array | 'nothing' | 'close' | undefined

export interface FakePartition {
  leader: number
  epoch: number
  error?: number
}

export interface FakeTopic {
  error?: number
  /** Any number; the id's last byte. 0 = no id. */
  id: number
  partitions: FakePartition[]
}

export const topicIdOf = (id: number): Uint8Array => {
  const bytes = new Uint8Array(16)
  bytes[15] = id
  return bytes
}

/** What the cluster as a whole knows: each broker responds to Metadata from it. */
export class FakeState {
  /** Advertised addresses. */
  readonly nodes = new Map<number, Address>()
  readonly topics = new Map<string, FakeTopic>()
  nextProducerId = 1000
  /** Finalized features: null = the brokers do not know them. */
  features: { epoch: number; transactionVersion: number } | null = null
}

export class FakeBroker {
  readonly nodeId: number
  readonly address: Address
  readonly requests: FakeRequest[] = []
  /** Highest versions served; the lowest is 0. */
  readonly versions = new Map<number, number>(
    usualApis.map((api) => [api.key, api.versions.max] as const),
  )
  respond: (request: FakeRequest) => FakeResponse = () => undefined
  readonly #state: FakeState
  readonly #now: () => number
  readonly #streams = new Set<ByteStream>()
  #listener: Listener | null = null

  constructor(nodeId: number, address: Address, state: FakeState, now: () => number) {
    this.nodeId = nodeId
    this.address = address
    this.#state = state
    this.#now = now
  }

  async start(transport: ListenTransport): Promise<void> {
    this.#listener = await transport.listen(this.address, (stream) => this.#accept(stream))
  }

  /** Dies: connections break, and new ones are rejected. */
  async stop(): Promise<void> {
    for (const stream of this.#streams) stream.destroy()
    await this.#listener?.close()
  }

  /** Address bound; differs from `address` where its port is 0. */
  get bound(): Address {
    return this.#listener?.address ?? this.address
  }

  serveEveryApi(): void {
    for (const { key, versions } of apis) this.versions.set(key, versions.max)
  }

  get openStreams(): number {
    return this.#streams.size
  }

  count(api: string): number {
    return this.requests.filter((request) => request.api === api).length
  }

  /** Closes the connections of the moment; new ones work. */
  closeStreams(): void {
    for (const stream of this.#streams) stream.destroy()
  }

  #accept(stream: ByteStream): StreamHandler {
    let pending = new Uint8Array(0)
    this.#streams.add(stream)
    return {
      onData: (bytes) => {
        pending = Buffer.concat([pending, bytes])
        while (pending.length >= 4) {
          const size = new DataView(pending.buffer, pending.byteOffset).getInt32(0)
          if (pending.length < 4 + size) return
          const frame = pending.slice(4, 4 + size)
          pending = pending.slice(4 + size)
          this.#onFrame(stream, frame)
        }
      },
      onClose: () => {
        this.#streams.delete(stream)
      },
    }
  }

  #onFrame(stream: ByteStream, frame: Uint8Array): void {
    const reader = new Reader(frame)
    const header = decodeRequestHeader(
      reader,
      (key, version) => apis.find((api) => api.key === key)?.isFlexible(version) ?? false,
    )
    const api = apis.find(({ key }) => key === header.apiKey)
    if (api === undefined) throw new Error(`the fake broker has no API ${header.apiKey}`)
    const version = header.apiVersion
    const isKnown = version <= (this.versions.get(api.key) ?? -1)
    const body = isKnown ? api.decodeRequest(reader, version) : null
    const request = { api: api.name, version, body, atMs: this.#now() }
    this.requests.push(request)
    const response = this.respond(request) ?? this.#usualResponse(request)
    if (response === 'close') stream.destroy()
    if (response === 'close' || response === 'nothing') return
    const responseVersion = isKnown ? version : 0
    const writer = new Writer()
    const sizeAt = writer.reserve(4)
    encodeResponseHeader(writer, api.key, header.correlationId, api.isFlexible(version))
    if (response instanceof Uint8Array) writer.writeRaw(response)
    else api.encodeResponse(writer, response as never, responseVersion)
    writer.patchInt32(sizeAt, writer.size - 4)
    stream.write([writer.finish()])
  }

  #usualResponse(request: FakeRequest): object | 'nothing' {
    if (request.api === 'ApiVersions') {
      const isKnown = request.version <= (this.versions.get(apiVersionsApi.key) ?? -1)
      const apiKeys = [...this.versions].map(([apiKey, maxVersion]) => ({
        apiKey,
        minVersion: 0,
        maxVersion,
      }))
      return { errorCode: isKnown ? 0 : 35, apiKeys, ...this.#features() }
    }
    if (request.api === 'Metadata') return this.metadata(request)
    if (request.api === 'InitProducerId') {
      return { producerId: this.#state.nextProducerId++, producerEpoch: 0 }
    }
    return {}
  }

  #features(): object {
    const { features } = this.#state
    if (features === null) return {}
    const { epoch, transactionVersion: level } = features
    const finalizedFeatures = [{ name: 'transaction.version', maxVersionLevel: level }]
    return { finalizedFeaturesEpoch: epoch, finalizedFeatures: level > 0 ? finalizedFeatures : [] }
  }

  /** The usual response to Metadata. */
  metadata(request: FakeRequest): object {
    const wanted = (request.body as MetadataRequest).topics ?? []
    return {
      brokers: [...this.#state.nodes].map(([nodeId, address]) => ({ nodeId, ...address })),
      clusterId: 'fake',
      topics: wanted.map(({ name }) => {
        const topic = this.#state.topics.get(name ?? '')
        if (topic === undefined) return { name, errorCode: 3 }
        return {
          name,
          errorCode: topic.error ?? 0,
          topicId: request.version >= 10 ? topicIdOf(topic.id) : undefined,
          partitions: topic.partitions.map(({ leader, epoch, error }, partitionIndex) => ({
            partitionIndex,
            leaderId: leader,
            leaderEpoch: epoch,
            errorCode: error ?? 0,
          })),
        }
      }),
    }
  }
}

export const defaultOptions = {
  brokers: [{ host: 'boot', port: 9092 }],
  clientId: 'test',
  logger: silentLogger,
  allowAutoTopicCreation: true,
  transactionalId: null,
  transactionTimeoutMs: 60_000,
  metadataMaxAgeMs: 300_000,
  metadataRecoveryRebootstrapTriggerMs: 300_000,
  retryBackoffMs: 100,
  retryBackoffMaxMs: 1000,
  reconnectBackoffMs: 50,
  reconnectBackoffMaxMs: 1000,
  connectTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  connectionsMaxIdleMs: 0,
  maxResponseBytes: 1024 * 1024,
} as const

/** The events that the engine would receive, in order, and how it reacts to them. */
export class RecordedEvents {
  readonly log: { what: string; atMs: number; values: readonly unknown[] }[] = []
  react: Partial<EngineEvents> = {}

  readonly #now: () => number
  constructor(now: () => number) {
    this.#now = now
  }

  /** The arguments of each call of one event. */
  of<Name extends keyof EngineEvents>(name: Name): Parameters<EngineEvents[Name]>[] {
    return this.log
      .filter((entry) => entry.what === name)
      .map((entry) => entry.values as Parameters<EngineEvents[Name]>)
  }

  events(): EngineEvents {
    const record =
      <Name extends keyof EngineEvents>(what: Name) =>
      (...values: Parameters<EngineEvents[Name]>): void => {
        this.log.push({ what, atMs: this.#now(), values })
        const react = this.react[what] as ((...values: unknown[]) => void) | undefined
        react?.(...values)
      }
    return {
      onTopic: record('onTopic'),
      onTopicFailed: record('onTopicFailed'),
      onLinkReady: record('onLinkReady'),
      onLinkDown: record('onLinkDown'),
      onProducerId: record('onProducerId'),
      onProducerIdDelayed: record('onProducerIdDelayed'),
      onProducerIdFailed: record('onProducerIdFailed'),
    }
  }
}

export interface WorldOptions {
  /** Nodes 1 … count at `n1:9092` …; the bootstrap name `boot` is node 1's second name. */
  readonly nodes?: number
  readonly options?: Partial<ClusterOptions>
  readonly seed?: number
}

/** Brokers, a client's cluster object, and its events. */
export class World {
  readonly clock = new VirtualClock()
  readonly network = new MemoryNetwork({ clock: this.clock, latencyMs: 1 })
  readonly state = new FakeState()
  readonly brokers = new Map<number, FakeBroker>()
  readonly recorded = new RecordedEvents(() => this.clock.now())
  readonly cluster: Cluster

  private constructor(options: WorldOptions) {
    this.cluster = new Cluster(
      {
        ...defaultOptions,
        transport: this.network,
        clock: this.clock,
        random: seededRandom(options.seed ?? 1),
        ...options.options,
      },
      this.recorded.events(),
    )
  }

  static async make(options: WorldOptions = {}): Promise<World> {
    const world = new World(options)
    for (let nodeId = 1; nodeId <= (options.nodes ?? 1); nodeId++) {
      await world.startBroker(nodeId, { host: `n${nodeId}`, port: 9092 })
    }
    world.network.setHost('boot', ['n1'])
    return world
  }

  async startBroker(nodeId: number, address: Address): Promise<FakeBroker> {
    const broker = new FakeBroker(nodeId, address, this.state, () => this.clock.now())
    this.brokers.set(nodeId, broker)
    this.state.nodes.set(nodeId, address)
    await broker.start(this.network)
    return broker
  }

  broker(nodeId: number): FakeBroker {
    const broker = this.brokers.get(nodeId)
    if (broker === undefined) throw new Error(`no broker ${nodeId}`)
    return broker
  }

  topic(name: string, ...leaders: number[]): FakeTopic {
    const topic = { id: 7, partitions: leaders.map((leader) => ({ leader, epoch: 1 })) }
    this.state.topics.set(name, topic)
    return topic
  }

  count(api: string): number {
    return [...this.brokers.values()].reduce((sum, broker) => sum + broker.count(api), 0)
  }

  /** Requests topics again as an engine does whose records wait for them. */
  keepRequesting(): void {
    this.recorded.react = {
      onTopicFailed: (topic, { code }, final) => {
        if (final) return
        this.cluster.refreshTopic(topic, code === 'UNKNOWN_TOPIC' ? 'unknown' : 'stale')
      },
      onTopic: ({ name, partitions }) => {
        if (partitions.some(({ leaderId }) => leaderId < 0))
          this.cluster.refreshTopic(name, 'stale')
      },
    }
  }

  /** Runs until the topic was reported `times` times in all. */
  async untilTopic(name: string, times = 1, limitMs = 60_000): Promise<void> {
    await this.clock.runUntil(
      () => this.recorded.of('onTopic').filter(([view]) => view.name === name).length >= times,
      limitMs,
    )
  }

  /** The latest view of a topic that the engine received. */
  view(name: string) {
    const view = this.recorded
      .of('onTopic')
      .map(([topic]) => topic)
      .findLast((topic) => topic.name === name)
    if (view === undefined) throw new Error(`no event about ${name}`)
    return view
  }

  leaders(name: string): number[] {
    return this.view(name).partitions.map(({ leaderId }) => leaderId)
  }

  async untilReady(nodeId: number, limitMs = 60_000): Promise<void> {
    this.cluster.link(nodeId)?.open()
    await this.clock.runUntil(() => this.cluster.link(nodeId)?.ready === true, limitMs)
  }
}
