// Owns the ports of the engine: the calls that it makes, and the events that it receives. Callers:
// cluster-client/ implements ClusterPort and BrokerLink and calls EngineEvents; unit tests do the
// same by hand. Invariant: no call re-enters its caller: the result of a port call arrives in a
// later turn.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerId } from '../protocol/producer-id.ts'

/** One Produce request. Its chunks do not change until its response arrives or it has failed. */
export interface ProduceCall {
  readonly version: number
  /** The body of the request (after its header), in order, with the buffers of batches. */
  readonly chunks: readonly Uint8Array[]
  /** False with acks 0: the broker sends no response. */
  readonly expectsResponse: boolean
  /** The response; `null` with acks 0, when the operating system has accepted all bytes. */
  onResponse(response: ProduceResponse | null): void
  /**
   * No response will arrive: the connection failed, the request timed out or the response was
   * malformed. `written` = at least one byte may have reached a socket.
   */
  onFailure(error: KafkaError, written: boolean): void
}

/** One broker, while the cluster has its node id; its address may change. */
export interface BrokerLink {
  readonly nodeId: number
  /** The broker's name in messages: `127.0.0.1:9092 (node 1)`. */
  readonly name: string
  /** True if `produce` may be called: connected, negotiated, without a throttle time. */
  readonly ready: boolean
  /** Highest Produce version that client and broker share; valid while ready. */
  readonly produceVersion: number
  /** Why the link is not ready, as far as known: the last failure since it was ready. */
  readonly lastError: KafkaError | null
  /** Requests a connection. Has no effect if there is one, or during an attempt or its backoff. */
  open(): void
  /** Writes the request. Exactly one of the call's two methods is called, in a later turn. */
  produce(call: ProduceCall): void
}

export interface ProducerIdentity {
  /** -1 = none yet. */
  readonly producerId: ProducerId
  readonly epoch: number
}

/** Records that a consumer group has read, up to and without `offset`. */
export interface ConsumedOffset {
  readonly topic: string
  readonly partition: number
  /** The next offset that the group will read. */
  readonly offset: number
  /** The leader epoch of the record before it, if known; -1 = not. */
  readonly leaderEpoch: number
  readonly metadata: string
}

/** The member that commits: the coordinator of the group rejects a replaced member (KIP-447). */
export interface GroupMetadata {
  readonly groupId: string
  /** -1 = not given. */
  readonly generationId: number
  readonly memberId: string
  readonly groupInstanceId: string | null
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The transaction and the producer that a call belongs to. */
export interface TransactionScope extends ProducerIdentity {
  /** KIP-890 part 2: Produce adds partitions itself, and each transaction has its own epoch. */
  readonly version2: boolean
}

/**
 * Requests to the coordinator of the transactional id, and to those of consumer groups. One at a
 * time, in call order; temporary failures are retried inside, without a limit. Each `done` is
 * called once, in a later turn, unless the cluster is closed before. `persisted` of its error is
 * `'maybe'` if an attempt had no response, or one that does not show whether it was carried out.
 */
export interface TransactionPort {
  /** Whether the cluster has `transaction.version` 2 or more, as far as known from its brokers. */
  readonly version2: boolean
  /** Why the current call has no response yet; null = nothing failed. */
  readonly lastError: KafkaError | null
  /**
   * `current` with an id of -1 requests a new identity, and fences the producer that uses the
   * transactional id.
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
  /** `next` is the identity of the next transaction, if it has its own. */
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
  /** -1 if the broker does not return it. */
  readonly leaderEpoch: number
}

export interface TopicView {
  readonly name: string
  /** 16 bytes; all zero if the broker has no topic ids. */
  readonly topicId: Uint8Array
  /** Index = partition number. */
  readonly partitions: readonly PartitionView[]
}

/** KIP-951: the new leader in a Produce response. */
export interface LeaderHint {
  readonly topic: string
  readonly partition: number
  readonly leaderId: number
  readonly leaderEpoch: number
  /** The address of the leader, if the response contains it. */
  readonly endpoint: {
    readonly host: string
    readonly port: number
    readonly rack?: string | null
  } | null
}

export type TopicRequestReason = 'unknown' | 'stale'

export interface ClusterPort {
  /** The link to a node; undefined while metadata does not contain the node. */
  link(nodeId: number): BrokerLink | undefined
  /** The rack of a node, if known. */
  rackOf(nodeId: number): string | null
  /**
   * Requests metadata of a topic: a caller wants to use it, and it may be created (`unknown`), or
   * the known metadata is wrong (`stale`); a refresh never creates topics. Any number of calls
   * become one Metadata request at a time, with backoff. The topic then stays in use, and is
   * refreshed by age, until `forgetTopic` or a response that it does not exist.
   *
   * `rejectedPartition`: its known leader responded that it does not lead it, so what is known of
   * it may be wrong, and older metadata may be right.
   */
  refreshTopic(topic: string, why: TopicRequestReason, rejectedPartition?: number): void
  forgetTopic(topic: string): void
  /** Kafka's number for the reason why a partition without a leader has none. */
  leaderErrorCode(topic: string, partition: number): number
  /** Applies a hint if its epoch is newer than the known one; then onTopic follows. */
  applyLeaderHint(hint: LeaderHint): void
  /**
   * Requests a producer id (KIP-360: `current` is sent from version 3 on). Retriable failures are
   * retried inside, and reported by onProducerIdDelayed; onProducerId or onProducerIdFailed is
   * called with the result.
   */
  initProducerId(current: ProducerIdentity): void
  /** Null without a transactional id. */
  readonly transactions: TransactionPort | null
  /** Why metadata is not available now; null if the last request succeeded. */
  readonly metadataError: KafkaError | null
}

/** Events that the engine receives. */
export interface EngineEvents {
  /** Metadata of a topic, also when nothing changed. */
  onTopic(topic: TopicView): void
  /**
   * The topic is not available. `final` = another request will not help during the life of this
   * record (not allowed, invalid name). In either case it is requested again only by
   * `refreshTopic`.
   */
  onTopicFailed(topic: string, error: KafkaError, final: boolean): void
  onLinkReady(nodeId: number): void
  /** The connection or a connection attempt failed; requests in flight have failed before. */
  onLinkDown(nodeId: number, error: KafkaError): void
  onProducerId(identity: ProducerIdentity): void
  /** A request for a producer id failed, and is repeated. */
  onProducerIdDelayed(error: KafkaError): void
  onProducerIdFailed(error: KafkaError): void
}
