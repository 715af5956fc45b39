// Owns the known topics: partitions, leaders, epochs, ids. It sends nothing. Caller: Metadata,
// which passes each response to it. Invariants: views are immutable, and a change creates a new
// view. A partition never returns to an older leader epoch while the topic keeps its id, because a
// response may be older than what is known. A new id means that the topic was deleted and created
// again: its known partitions are discarded. Without topic ids, an older epoch is accepted after
// several responses that agree.

import type { LeaderHint, PartitionView, TopicView } from '../engine/ports.ts'
import type { MetadataResponse } from '../protocol/api/03-metadata.ts'

type TopicResponse = MetadataResponse['topics'][number]
type PartitionResponse = TopicResponse['partitions'][number]

const noError = 0
/** A replica is not available; the leader is. */
const replicaNotAvailable = 9

const topicIdBytes = 16

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

/** Without topic ids, an older epoch is accepted after this many responses in a row. */
const olderResponsesMax = 5

export class MetadataCache {
  readonly #views = new Map<string, TopicView>()
  /** Topics whose epochs come from a cluster that the client has left, possibly for another one. */
  readonly #withoutEpochs = new Set<string>()
  /** By topic, for each partition: how many responses in a row had an older epoch. */
  readonly #olderResponses = new Map<string, number[]>()

  view(topic: string): TopicView | undefined {
    return this.#views.get(topic)
  }

  forget(topic: string): void {
    this.#views.delete(topic)
    this.#withoutEpochs.delete(topic)
    this.#olderResponses.delete(topic)
  }

  /** From now on the first response of each topic is accepted, with any epochs. */
  forgetEpochs(): void {
    for (const topic of this.#views.keys()) this.#withoutEpochs.add(topic)
  }

  /**
   * Applies a response without a topicError. `knowsNode` returns whether a leader's address is
   * known.
   */
  apply(name: string, response: TopicResponse, knowsNode: (nodeId: number) => boolean): TopicView {
    const known = this.#views.get(name)
    const hasEpochs = !this.#withoutEpochs.delete(name)
    const hasId = !isZero(response.topicId)
    const isSame =
      known !== undefined &&
      (!hasId || isZero(known.topicId) || sameBytes(known.topicId, response.topicId))
    const basis = isSame && hasEpochs ? known : undefined
    const partitions = new Array<PartitionView>(response.partitions.length)
    const olderResponses: number[] = []
    const olderBefore = this.#olderResponses.get(name)
    for (const partition of response.partitions) {
      const index = partition.partitionIndex
      const before = basis?.partitions[index]
      const isOlder = before !== undefined && isOlderThan(before, partition)
      const count = isOlder && !hasId ? (olderBefore?.[index] ?? 0) + 1 : 0
      const isAccepted = count >= olderResponsesMax
      partitions[index] =
        isOlder && !isAccepted
          ? mergeOlder(before, partition, hasId, knowsNode)
          : viewOf(partition, knowsNode)
      if (count > 0 && !isAccepted) olderResponses[index] = count
    }
    if (olderResponses.length > 0) this.#olderResponses.set(name, olderResponses)
    else this.#olderResponses.delete(name)
    if (basis !== undefined && hasId) {
      // A topic never loses partitions: the response is older than the added partitions.
      partitions.push(...basis.partitions.slice(partitions.length))
    }
    // The id is copied, because its bytes are a view of the whole response. A response without ids
    // does not remove a known id.
    const topicId = hasId ? response.topicId.slice(0, topicIdBytes) : keptId(basis)
    const view = { name, topicId, partitions }
    this.#views.set(name, view)
    return view
  }

  /** The new view, or undefined if the hint changes nothing. */
  applyHint(hint: LeaderHint): TopicView | undefined {
    const known = this.#views.get(hint.topic)
    const before = known?.partitions[hint.partition]
    if (known === undefined || before === undefined) return undefined
    if (hint.leaderId < 0 || hint.leaderEpoch <= before.leaderEpoch) return undefined
    const partitions = [...known.partitions]
    partitions[hint.partition] = { leaderId: hint.leaderId, leaderEpoch: hint.leaderEpoch }
    const view = { ...known, partitions }
    this.#views.set(hint.topic, view)
    return view
  }
}

const keptId = (known: TopicView | undefined): Uint8Array =>
  known?.topicId ?? new Uint8Array(topicIdBytes)

const isOlderThan = (known: PartitionView, { leaderEpoch }: PartitionResponse): boolean =>
  leaderEpoch >= 0 && leaderEpoch < known.leaderEpoch

/**
 * An older epoch is usually outdated. Before topic ids it may also come from a topic that was
 * created again, with epochs from 0. If no leader is known, the older epoch is accepted: a wrong
 * leader rejects the request.
 */
const mergeOlder = (
  before: PartitionView,
  response: PartitionResponse,
  hasId: boolean,
  knowsNode: (nodeId: number) => boolean,
): PartitionView => {
  if (knowsNode(before.leaderId)) return before
  return hasId ? { ...before, leaderId: -1 } : viewOf(response, knowsNode)
}

const viewOf = (
  { leaderId, leaderEpoch, errorCode }: PartitionResponse,
  knowsNode: (nodeId: number) => boolean,
): PartitionView => {
  const hasLeader =
    (errorCode === noError || errorCode === replicaNotAvailable) && knowsNode(leaderId)
  return { leaderId: hasLeader ? leaderId : -1, leaderEpoch: Math.max(leaderEpoch, -1) }
}
