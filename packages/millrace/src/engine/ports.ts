// What the engine needs from the outside, and which events it receives. cluster-client/ implements
// ClusterPort and BrokerLink and calls EngineEvents; unit tests do the same by hand. The engine
// never sees a socket, a timer or a promise. No call re-enters its caller: the result of a port
// call comes in a later turn, never inside the call.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerId } from '../protocol/producer-id.ts'

/** One Produce request. Its chunks stay unchanged until its response comes or it has failed. */
export interface ProduceCall {
  readonly version: number
  /** The request's body (what follows the request header), in order; batch buffers among them. */
  readonly chunks: readonly Uint8Array[]
  /** False with acks 0: the broker sends no response. */
  readonly expectsResponse: boolean
  /** The response; `null` with acks 0, once the operating system has taken all bytes. */
  onResponse(response: ProduceResponse | null): void
  /**
   * No response will come: the connection broke, the request timed out or the response was
   * malformed.
   * `written` says whether any byte of it may have reached a socket.
   */
  onFailure(error: KafkaError, written: boolean): void
}

/** One broker, for as long as the cluster has its node id; its address may change underneath. */
export interface BrokerLink {
  readonly nodeId: number
  /** For people: `127.0.0.1:9092 (node 1)`. */
  readonly name: string
  /** True when `produce` may be called now: connected, negotiated, not muted by a quota. */
  readonly ready: boolean
  /** Highest Produce version that both sides know; valid while ready. */
  readonly produceVersion: number
  /** Why the link is not ready, as far as known: the last failure since it was ready. */
  readonly lastError: KafkaError | null
  /**
   * Requests a connection. Harmless when there is one, or an attempt or its backoff is under way.
   */
  open(): void
  /** Writes the request. Exactly one of the call's two methods is called, in a later turn. */
  produce(call: ProduceCall): void
}

export interface ProducerIdentity {
  /** -1 = none yet. */
  readonly producerId: ProducerId
  readonly epoch: number
}

/** Records read by a consumer group, up to and without `offset`. */
export interface ConsumedOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset that the group is to read. */
  readonly offset: number
  /** Of the record before it, where that is known; -1 = not. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** The member that commits: the group's coordinator rejects one that it replaced (KIP-447). */
export interface GroupMetadata {
  readonly groupId: string
  /** -1 = not said. */
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Which transaction of which producer a call belongs to. */
export interface TransactionScope extends ProducerIdentity {
  /** KIP-890 part 2: Produce adds partitions by itself, and each transaction has its own epoch. */
  readonly version2: boolean
}

/**
 * Calls to the coordinator of our transactional id, and to those of consumer groups. One at a time,
 * in call order; failures that may pass are tried again inside, for as long as it takes. Each
 * `done` is called once, in a later turn, unless the cluster is closed before. `persisted` of its
 * error is `'maybe'` if an earlier attempt had no response.
 */
export interface TransactionPort {
  /** Whether the cluster has `transaction.version` 2 or more, as far as its brokers have said. */
  readonly version2: boolean
  /** Why the call under way has no response yet; null = nothing failed. */
  readonly lastError: KafkaError | null
  /**
   * `current` with an id of -1 begins anew, and fences the producer that has the transactional id.
   */
  initProducerId(
    current: ProducerIdentity,
    done: (error: KafkaError | null, identity: ProducerIdentity | null) => void,
  ): void
  addPartitions(
    scope: TransactionScope,
    partitions: readonly TopicPartition[],
    done: (error: KafkaError | null) => void,
  ): void
  sendOffsets(
    scope: TransactionScope,
    group: GroupMetadata,
    offsets: readonly ConsumedOffset[],
    done: (error: KafkaError | null) => void,
  ): void
  /** `next` is the identity of the next transaction, where it has its own. */
  end(
    scope: TransactionScope,
    commit: boolean,
    done: (error: KafkaError | null, next: ProducerIdentity | null) => void,
  ): void
}

/** One partition, as `partitionsFor` returns it. */
export interface PartitionView {
  /** Node id of the leader; -1 = none now. */
  readonly leaderId: number
  /** -1 if the broker does not say. */
  readonly leaderEpoch: number
}

export interface TopicView {
  readonly name: string
  /** 16 bytes; all zero where the broker has no topic ids. */
  readonly topicId: Uint8Array
  /** Index = partition number. */
  readonly partitions: readonly PartitionView[]
}

/** KIP-951: a Produce response that names the new leader. */
export interface LeaderHint {
  readonly topic: string
  readonly partition: number
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Where the leader is, when the response says so. */
  readonly endpoint: {
    readonly host: string
    readonly port: number
    readonly rack?: string | null
  } | null
}

export type TopicRequestReason = 'unknown' | 'stale'

export interface ClusterPort {
  /** The link to a node; undefined while metadata does not know the node. */
  link(nodeId: number): BrokerLink | undefined
  /** The rack of a node, where the cluster says so. */
  rackOf(nodeId: number): string | null
  /**
   * Requests metadata of a topic: a caller wants to use it, and it may be created (`unknown`), or
   * what is known is wrong (`stale`); a refresh creates nothing.
   * Any number of calls become one Metadata request at a time, with backoff. The topic then stays
   * in use, and is refreshed by age, until `forgetTopic` or a response that it does not exist.
   */
  refreshTopic(topic: string, why: TopicRequestReason): void
  forgetTopic(topic: string): void
  /** Applies a hint if its epoch is newer than what is known; then onTopic follows. */
  applyLeaderHint(hint: LeaderHint): void
  /**
   * Requests a producer id (KIP-360: `current` is passed on from version 3). Retriable failures are
   * retried inside; onProducerId or onProducerIdFailed is called with the result.
   */
  initProducerId(current: ProducerIdentity): void
  /** Null without a transactional id. */
  readonly transactions: TransactionPort | null
  /** Why metadata can't be had at present; null when the last request went well. */
  readonly metadataError: KafkaError | null
}

/** Events that the engine receives. */
export interface EngineEvents {
  /** Metadata of a topic, also when nothing changed. */
  onTopic(topic: TopicView): void
  /**
   * The topic can't be had. `final` = another request won't help within this record's life (not
   * allowed, bad name). In either case it is requested again only by `refreshTopic`.
   */
  onTopicFailed(topic: string, error: KafkaError, final: boolean): void
  onLinkReady(nodeId: number): void
  /** The connection, or an attempt at one, failed; requests in flight have failed before. */
  onLinkDown(nodeId: number, error: KafkaError): void
  onProducerId(identity: ProducerIdentity): void
  onProducerIdFailed(error: KafkaError): void
}
