// Owns the known topics: partitions, leaders, epochs, ids. It sends nothing. Caller: Metadata,
// which passes each response to it. Invariants: views are immutable, and a change creates a new
// view. While a topic keeps its id, a partition does not return to an older leader epoch, and no
// partition is removed, because a response may be older than what is known. A new id means that the
// topic was deleted and created again: its known partitions are discarded. What is known may also
// be wrong: several older responses in a row are accepted for a partition whose known leader does
// not accept batches. A leader that accepts them is never replaced by an older one. Without topic
// ids, several older responses in a row are accepted in any case.

import type { LeaderHint, PartitionView, TopicView } from '../engine/ports.ts'
import type { MetadataResponse } from '../protocol/api/03-metadata.ts'
import { errorNumber } from '../protocol/errors.ts'

type TopicResponse = MetadataResponse['topics'][number]
type PartitionResponse = TopicResponse['partitions'][number]

const topicIdBytes = 16

const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])

/** So many older responses in a row contradict what is known. */
const olderResponsesMax = 5

export class MetadataCache {
  readonly #views = new Map<string, TopicView>()
  /** By topic, the error of each partition that has one. */
  readonly #errorCodes = new Map<string, ReadonlyMap<number, number>>()
  /** Topics whose epochs come from a cluster that the client has left, possibly for another one. */
  readonly #withoutEpochs = new Set<string>()
  /**
   * By topic, for each partition: how many responses in a row had an older epoch or lacked the
   * partition, not counting those during which its leader accepted batches.
   */
  readonly #olderResponses = new Map<string, number[]>()
  /** By topic: the partitions whose known leader has rejected a batch since the last response. */
  readonly #rejected = new Map<string, Set<number>>()

  view(topic: string): TopicView | undefined {
    return this.#views.get(topic)
  }

  forget(topic: string): void {
    this.#views.delete(topic)
    this.#withoutEpochs.delete(topic)
    this.#olderResponses.delete(topic)
    this.#rejected.delete(topic)
    this.#errorCodes.delete(topic)
  }

  /** The known leader of the partition responded that it does not lead it. */
  rejectLeader(topic: string, partition: number): void {
    if (this.#views.get(topic)?.partitions[partition] === undefined) return
    const rejected = this.#rejected.get(topic)
    if (rejected === undefined) this.#rejected.set(topic, new Set([partition]))
    else rejected.add(partition)
  }

  /** Kafka's number for the reason why a partition without a leader has none. */
  leaderErrorCode(topic: string, partition: number): number {
    return this.#errorCodes.get(topic)?.get(partition) ?? errorNumber.LEADER_NOT_AVAILABLE
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
    const rejected = this.#rejected.get(name)
    /** Counts an older response; true if there were enough of them. */
    const isContradicted = (index: number, { leaderId }: PartitionView): boolean => {
      const isCounted = !hasId || !knowsNode(leaderId) || rejected?.has(index) === true
      const count = (olderBefore?.[index] ?? 0) + (isCounted ? 1 : 0)
      if (count >= olderResponsesMax) return true
      if (count > 0) olderResponses[index] = count
      return false
    }
    const errorCodes = new Map<number, number>()
    for (const partition of response.partitions) {
      const index = partition.partitionIndex
      if (hasError(partition)) errorCodes.set(index, partition.errorCode)
      const before = basis?.partitions[index]
      partitions[index] =
        before === undefined || !isOlderThan(before, partition) || isContradicted(index, before)
          ? viewOf(partition, knowsNode)
          : mergeOlder(before, partition, hasId, knowsNode)
    }
    if (basis !== undefined && hasId) {
      // A topic never loses partitions: the response is older than the added partitions.
      for (const [index, before] of basis.partitions.entries()) {
        if (index < partitions.length) continue
        if (isContradicted(index, before)) break
        partitions.push(before)
      }
    }
    if (errorCodes.size > 0) this.#errorCodes.set(name, errorCodes)
    else this.#errorCodes.delete(name)
    if (olderResponses.length > 0) this.#olderResponses.set(name, olderResponses)
    else this.#olderResponses.delete(name)
    this.#rejected.delete(name)
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

/** REPLICA_NOT_AVAILABLE: a replica is not available; the leader is. */
const hasError = ({ errorCode }: PartitionResponse): boolean =>
  errorCode !== errorNumber.NONE && errorCode !== errorNumber.REPLICA_NOT_AVAILABLE

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
  partition: PartitionResponse,
  knowsNode: (nodeId: number) => boolean,
): PartitionView => {
  const { leaderId, leaderEpoch } = partition
  const hasLeader = !hasError(partition) && knowsNode(leaderId)
  return { leaderId: hasLeader ? leaderId : -1, leaderEpoch: Math.max(leaderEpoch, -1) }
}
