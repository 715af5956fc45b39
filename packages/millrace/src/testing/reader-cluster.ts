// The cluster for a topic reader: the leaders of its topic's partitions, and a session to each
// leader, opened on first use. It owns the sessions and belongs to one reading, which must close
// it. Caller: topic-reader.ts.

import { fetchApi } from '../protocol/api/01-fetch.ts'
import { listOffsetsApi } from '../protocol/api/02-list-offsets.ts'
import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { type ErrorContext, KafkaError } from '../protocol/kafka-error.ts'
import type { AbortedFrom } from '../protocol/records/fetched-batches.ts'
import type { Address } from '../runtime/transport.ts'
import { messageOf } from '../runtime/value-kinds.ts'
import { parseAddress, Session, type SessionContext } from './session.ts'

/** The ListOffsets timestamps for the two ends of a partition. */
export const listOffsetsTimestamp = { end: -1, beginning: -2 } as const

/** Which records a reader receives: all, or only those without open and aborted transactions. */
export type Isolation = 'read_uncommitted' | 'read_committed'

const isolationLevelOf = (isolation: Isolation): number => (isolation === 'read_committed' ? 1 : 0)

/** Where to fetch in one partition. */
export interface FetchPosition {
  readonly partition: number
  readonly position: number
}

/** The fetched bytes of one partition: record batches, of which the last may be incomplete. */
export interface FetchedPartition {
  readonly partition: number
  readonly records: Uint8Array | null
  /** Producers whose batches from an offset on must be skipped until their next marker. */
  readonly abortedTransactions: readonly AbortedFrom[]
}

/** The topic according to the latest metadata. */
interface TopicLayout {
  readonly topicId: Uint8Array
  /** The partitions that each node leads. */
  readonly byLeader: ReadonlyMap<number, readonly number[]>
}

/** Brokers treat any other replica id as a broker, and return the whole log to it. */
const consumerReplicaId = -1

const fetchMaxWaitMs = 500
const fetchMaxBytes = 8 * 1024 * 1024
const fetchPartitionMaxBytes = 2 * 1024 * 1024

export class ReaderCluster {
  readonly #bootstrap: readonly Address[]
  readonly #topic: string
  readonly #context: SessionContext
  readonly #isolationLevel: number
  readonly #nodes = new Map<number, Address>()
  readonly #sessions = new Map<number, Session>()
  /** The session for metadata requests. */
  #seed: Session | null = null
  #layout: TopicLayout = { topicId: new Uint8Array(16), byLeader: new Map() }
  #closed: KafkaError | null = null
  readonly #wakers = new Set<() => void>()

  constructor(
    brokers: readonly string[],
    topic: string,
    isolation: Isolation,
    context: SessionContext,
  ) {
    this.#isolationLevel = isolationLevelOf(isolation)
    this.#bootstrap = brokers.map(parseAddress)
    this.#topic = topic
    this.#context = context
  }

  get partitions(): readonly number[] {
    return [...this.#layout.byLeader.values()].flat().sort((left, right) => left - right)
  }

  /** The nodes that lead a partition. */
  get leaders(): readonly number[] {
    return [...this.#layout.byLeader.keys()]
  }

  /** Requests the leaders from the bootstrap addresses; the first response is used. */
  async loadLayout(): Promise<void> {
    const reasons: string[] = []
    let lastError: unknown
    for (const address of this.#bootstrap) {
      this.checkOpen()
      try {
        this.#seed ??= new Session(address, null, this.#context)
        const response = await this.#seed.request(metadataApi, {
          topics: [{ name: this.#topic }],
          allowAutoTopicCreation: false,
        })
        this.#takeMetadata(response)
        return
      } catch (error) {
        if (error instanceof KafkaError && !isConnectionFailure(error)) throw error
        lastError = error
        reasons.push(messageOf(error))
        this.#seed?.close()
        this.#seed = null
      }
    }
    this.checkOpen()
    throw new KafkaError('CONNECTION_FAILED', `No broker responded: ${reasons.join('; ')}`, {
      topic: this.#topic,
      cause: lastError,
    })
  }

  #takeMetadata(response: MetadataResponse): void {
    failOn(response.errorCode, { api: 'Metadata', topic: this.#topic })
    for (const { nodeId, host, port } of response.brokers) this.#takeNode(nodeId, { host, port })
    const topic = response.topics.find(({ name }) => name === this.#topic)
    if (topic === undefined) {
      throw new KafkaError(
        'MALFORMED_RESPONSE',
        `The Metadata response must contain ${this.#topic}`,
      )
    }
    failOn(topic.errorCode, { api: 'Metadata', topic: this.#topic })
    const byLeader = new Map<number, number[]>()
    for (const { errorCode, leaderId, partitionIndex } of topic.partitions) {
      failOn(leaderId < 0 ? errorCode : 0, this.#subjectOf('Metadata', partitionIndex))
      const partitions = byLeader.get(leaderId)
      if (partitions === undefined) byLeader.set(leaderId, [partitionIndex])
      else partitions.push(partitionIndex)
    }
    this.#layout = { topicId: topic.topicId, byLeader }
  }

  #takeNode(nodeId: number, address: Address): void {
    const known = this.#nodes.get(nodeId)
    if (known?.host === address.host && known.port === address.port) return
    this.#nodes.set(nodeId, address)
    this.#sessions.get(nodeId)?.close()
    this.#sessions.delete(nodeId)
  }

  #subjectOf(api: string, partition: number): ErrorContext {
    return { api, topic: this.#topic, partition }
  }

  #session(nodeId: number): Session {
    this.checkOpen()
    const open = this.#sessions.get(nodeId)
    if (open !== undefined) return open
    const address = this.#nodes.get(nodeId)
    if (address === undefined) {
      throw new KafkaError('BROKER_UNAVAILABLE', `node ${nodeId} is not in the metadata`)
    }
    const session = new Session(address, nodeId, this.#context)
    this.#sessions.set(nodeId, session)
    return session
  }

  /** The offset at one end of each partition, within the reader's isolation. */
  async listOffsets(timestamp: number): Promise<ReadonlyMap<number, number>> {
    const offsets = new Map<number, number>()
    for (const [nodeId, partitions] of this.#layout.byLeader) {
      const response = await this.#session(nodeId).request(listOffsetsApi, {
        replicaId: consumerReplicaId,
        isolationLevel: this.#isolationLevel,
        topics: [
          {
            name: this.#topic,
            partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp })),
          },
        ],
      })
      for (const partition of response.topics.flatMap((topic) => topic.partitions)) {
        failOn(partition.errorCode, this.#subjectOf('ListOffsets', partition.partitionIndex))
        offsets.set(partition.partitionIndex, partition.offset)
      }
    }
    return offsets
  }

  /** Fetches from the positions whose partition the node leads. */
  async fetch(
    nodeId: number,
    positions: readonly FetchPosition[],
  ): Promise<readonly FetchedPartition[]> {
    const byLeader = this.#layout.byLeader.get(nodeId) ?? []
    const partitions = positions.filter(({ partition }) => byLeader.includes(partition))
    if (partitions.length === 0) return []
    const { topicId } = this.#layout
    const response = await this.#session(nodeId).request(fetchApi, {
      maxWaitMs: fetchMaxWaitMs,
      minBytes: 1,
      maxBytes: fetchMaxBytes,
      isolationLevel: this.#isolationLevel,
      topics: [
        {
          topic: this.#topic,
          topicId,
          partitions: partitions.map(({ partition, position }) => ({
            partition,
            fetchOffset: position,
            partitionMaxBytes: fetchPartitionMaxBytes,
          })),
        },
      ],
    })
    failOn(response.errorCode, { api: 'Fetch', topic: this.#topic })
    return response.responses.flatMap((topic) =>
      topic.partitions.map(({ errorCode, partitionIndex, records, abortedTransactions }) => {
        failOn(errorCode, this.#subjectOf('Fetch', partitionIndex))
        const aborted = abortedTransactions ?? []
        return { partition: partitionIndex, records, abortedTransactions: aborted }
      }),
    )
  }

  /** Closes the connections, so that the next request opens new ones. */
  disconnect(): void {
    this.#seed?.close()
    this.#seed = null
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
  }

  /** Waits; close() ends the wait at once. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#context.clock.setTimer(delayMs, () => wake())
      const wake = (): void => {
        timer.cancel()
        this.#wakers.delete(wake)
        resolve()
      }
      this.#wakers.add(wake)
    })
  }

  /** All pending and later requests fail with `error`. */
  close(error: KafkaError = new KafkaError('CLOSED', 'the reading has ended')): void {
    if (this.#closed !== null) return
    this.#closed = error
    this.#seed?.close(error)
    for (const session of this.#sessions.values()) session.close(error)
    for (const wake of [...this.#wakers]) wake()
  }

  /** Throws the error that the reading was closed with. */
  checkOpen(): void {
    if (this.#closed !== null) throw this.#closed
  }
}

const failOn = (errorCode: number, context: ErrorContext): void => {
  if (errorCode !== errorNumber.NONE) throw brokerError(errorCode, context)
}

const isConnectionFailure = ({ code }: KafkaError): boolean =>
  code === 'CONNECTION_FAILED' ||
  code === 'CONNECTION_LOST' ||
  code === 'REQUEST_TIMEOUT' ||
  code === 'MALFORMED_RESPONSE'
