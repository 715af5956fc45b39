// What the engine needs from the outside, and what it is told. `cluster/` implements ClusterPort
// and BrokerLink and calls EngineEvents; unit tests and the simulator do the same by hand. The
// engine never sees a socket, a timer or a promise. No call of these re-enters its caller: an
// answer to a port call comes in a later turn, never inside the call.

import type { ProduceResponse } from '../protocol/api/00-produce.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'

/** One Produce request on its way. The chunks stay untouched until it is answered or has failed. */
export interface ProduceCall {
  readonly version: number
  /** The request's body (what follows the request header), in order; batch buffers among them. */
  readonly chunks: readonly Uint8Array[]
  /** False with acks 0: the broker answers nothing. */
  readonly expectsResponse: boolean
  /** The answer; `null` with acks 0, once the operating system has taken all bytes. */
  onResponse(response: ProduceResponse | null): void
  /**
   * No answer will come: the connection broke, the request timed out or the answer was malformed.
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
   * Asks for a connection. Harmless when there is one, or an attempt or its backoff is under way.
   */
  open(): void
  /** Writes the request. Exactly one of the call's two methods answers it, in a later turn. */
  produce(call: ProduceCall): void
}

export interface ProducerIdentity {
  /** -1 = none yet. */
  readonly producerId: number
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

/** Who commits: lets the group's coordinator refuse a member that it has given up (KIP-447). */
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
 * error is `'maybe'` where an earlier attempt had no answer.
 */
export interface TransactionPort {
  /** Whether the cluster has `transaction.version` 2 or more, as far as its brokers have said. */
  readonly version2: boolean
  /** Why the call under way is not answered yet; null = nothing failed. */
  readonly lastError: KafkaError | null
  /** `current` with an id of -1 begins anew, and fences whoever holds the transactional id. */
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

/** One partition, as `partitionsFor` answers it. */
export interface PartitionView {
  /** Node id of the leader; -1 = none now. */
  readonly leaderId: number
  /** -1 where the broker does not say. */
  readonly leaderEpoch: number
}

export interface TopicView {
  readonly name: string
  /** 16 bytes; all zero where the broker has no topic ids. */
  readonly topicId: Uint8Array
  /** Index = partition number. */
  readonly partitions: readonly PartitionView[]
}

/** KIP-951: a Produce answer that names the new leader. */
export interface LeaderHint {
  readonly topic: string
  readonly partition: number
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Where the leader is, when the answer said so. */
  readonly endpoint: { readonly host: string; readonly port: number } | null
}

export interface ClusterPort {
  /** The link to a node; undefined while metadata does not know the node. */
  link(nodeId: number): BrokerLink | undefined
  /**
   * Wants news of a topic: it is not known yet (`unknown`) or what is known proved wrong (`stale`).
   * Any number of wishes become one Metadata request at a time, with backoff. A topic that was
   * asked for stays in use, and is refreshed by age, until `forgetTopic`.
   */
  refreshTopic(topic: string, why: 'unknown' | 'stale'): void
  forgetTopic(topic: string): void
  /** Applies a hint if its epoch is newer than what is known; then onTopic follows. */
  applyLeaderHint(hint: LeaderHint): void
  /**
   * Wants a producer id (KIP-360: `current` is passed on from version 3). Retriable failures are
   * tried again inside; onProducerId or onProducerIdFailed answers.
   */
  initProducerId(current: ProducerIdentity): void
  /** Null without a transactional id. */
  readonly transactions: TransactionPort | null
  /** Why metadata can't be had at present; null when the last request went well. */
  readonly metadataError: KafkaError | null
}

/** What the engine is told. */
export interface EngineEvents {
  /** News of a topic, also when nothing changed. */
  onTopic(topic: TopicView): void
  /**
   * The topic can't be had. `final` = asking again won't help within this record's life (not
   * allowed, bad name); otherwise (does not exist yet, no leader) the cluster goes on asking while
   * it is wanted.
   */
  onTopicFailed(topic: string, error: KafkaError, final: boolean): void
  onLinkReady(nodeId: number): void
  /** The connection, or an attempt at one, failed; requests in flight were told before. */
  onLinkDown(nodeId: number, error: KafkaError): void
  onProducerId(identity: ProducerIdentity): void
  onProducerIdFailed(error: KafkaError): void
}
