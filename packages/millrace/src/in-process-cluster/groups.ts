// The group coordinator: consumer groups by id and their committed offsets, also those of
// transactions. All nodes share it; a node must respond NOT_COORDINATOR for groups that
// coordinators.ts assigns to another node. It does not have KIP-848 groups and the expiration of
// offsets. in-process-cluster.ts owns it; the api handlers and transaction-markers.ts call it.

import { errorNumber } from '../protocol/errors.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import { randomBelow } from '../runtime/random.ts'
import type { ClusterState } from './cluster-state.ts'
import type { Coordinators } from './coordinators.ts'
import { Group, type JoinRequest, type JoinResult, rejectedJoin } from './group.ts'
import { type CommittedOffset, PendingOffsets } from './pending-offsets.ts'
import type { ProducerIdentity } from './transaction-entry.ts'

export interface Committer {
  readonly memberId: string
  /**
   * Negative: the client is not a member, but a tool or a consumer that assigns partitions itself.
   */
  readonly generation: number
  readonly groupInstanceId?: string | null | undefined
}

interface GroupEntry {
  readonly group: Group
  /** Member ids that were returned but not used yet. */
  readonly pendingIds: Set<string>
  /** By topic and partition. */
  readonly offsets: Map<string, CommittedOffset>
}

export interface GroupView {
  readonly groupId: string
  readonly protocolType: string
  readonly state: string
}

const offsetKey = (topic: string, partition: number): string => `${partition} ${topic}`

export class GroupCoordinator {
  readonly #state: ClusterState
  readonly #coordinators: Coordinators
  readonly #groups = new Map<string, GroupEntry>()
  /** By group id, also for groups that do not exist yet. */
  readonly #pending = new Map<string, PendingOffsets>()
  #nextMember = 1

  constructor(state: ClusterState, coordinators: Coordinators) {
    this.#state = state
    this.#coordinators = coordinators
  }

  /** The error that the node must respond with for the group; 0 = none. */
  problem(nodeId: number, groupId: string): number {
    if (groupId === '') return errorNumber.INVALID_GROUP_ID
    return this.#coordinators.problem('group', groupId, nodeId)
  }

  /** The groups that this node coordinates. */
  list(nodeId: number): readonly GroupView[] {
    return [...this.#groups]
      .filter(([groupId]) => this.#coordinators.of('group', groupId)?.id === nodeId)
      .map(([groupId, { group }]) => {
        return { groupId, protocolType: group.protocolType ?? '', state: group.state }
      })
  }

  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)?.group
  }

  /**
   * Joins a member. A member without an id gets one; with `mustReturn` (from JoinGroup 4 on) it
   * must join again with this id. Returns the member's id, for cancelJoin.
   */
  join(
    groupId: string,
    clientId: string | null,
    request: JoinRequest,
    mustReturn: boolean,
    respond: (response: JoinResult) => void,
  ): string {
    const entry = this.#entry(groupId)
    const { group, pendingIds } = entry
    const { groupInstanceId } = request
    if (request.memberId !== '') {
      const known =
        pendingIds.delete(request.memberId) || group.memberIds.includes(request.memberId)
      if (known) group.join(request, respond)
      else respond(rejectedJoin(errorNumber.UNKNOWN_MEMBER_ID, request.memberId))
      return request.memberId
    }
    const memberId = this.#newMemberId(groupInstanceId ?? clientId ?? 'member')
    if (groupInstanceId === null && mustReturn) {
      pendingIds.add(memberId)
      respond(rejectedJoin(errorNumber.MEMBER_ID_REQUIRED, memberId))
      return memberId
    }
    const before = groupInstanceId === null ? undefined : group.memberOfInstance(groupInstanceId)
    group.join({ ...request, memberId }, respond)
    // A static member that restarts replaces its earlier instance.
    if (before !== undefined) group.leave(before)
    return memberId
  }

  /** Stores the offset and returns 0, or returns the error. */
  commit(groupId: string, committer: Committer, offset: CommittedOffset): number {
    const { group, offsets } = this.#entry(groupId)
    const error = this.#commitProblem(group, committer)
    if (error !== 0) return error
    const partition = this.#state.topic(offset.topic)?.partitions[offset.partition]
    if (partition === undefined) return errorNumber.UNKNOWN_TOPIC_OR_PARTITION
    offsets.set(offsetKey(offset.topic, offset.partition), offset)
    return 0
  }

  /**
   * 0 = the member may commit offsets in a transaction; otherwise the error. Unlike an ordinary
   * commit, a commit without member id and generation is always allowed, because old clients do not
   * send them (KIP-447).
   */
  transactionalProblem(groupId: string, committer: Committer): number {
    const { memberId, generation, groupInstanceId = null } = committer
    const group = this.#groups.get(groupId)?.group
    if (group === undefined) return generation < 0 ? 0 : errorNumber.ILLEGAL_GENERATION
    if (generation < 0 && group.state === 'Empty') return 0
    if (generation < 0 && memberId === '' && groupInstanceId === null) return 0
    return group.checkMember(memberId, groupInstanceId) || group.check(memberId, generation)
  }

  /** The uncommitted offsets of transactions for the group. */
  pending(groupId: string): PendingOffsets {
    let pending = this.#pending.get(groupId)
    if (pending === undefined) {
      pending = new PendingOffsets()
      this.#pending.set(groupId, pending)
    }
    return pending
  }

  /** Stores the offset until the producer's transaction ends. */
  commitPending(groupId: string, by: ProducerIdentity, offset: CommittedOffset): void {
    const key = offsetKey(offset.topic, offset.partition)
    // The group exists from now on, but its offset is not committed yet.
    this.#entry(groupId)
    this.pending(groupId).add(by.producerId, by.epoch, key, offset)
  }

  /** Called for the marker of a transaction that includes the group. */
  endTransaction(groupId: string, producerId: ProducerId, epoch: number, isCommit: boolean): void {
    const committed = this.pending(groupId).end(producerId, epoch)
    if (!isCommit || committed.size === 0) return
    const { offsets } = this.#entry(groupId)
    for (const [key, offset] of committed) offsets.set(key, offset)
  }

  /** Whether an open transaction may change this offset. */
  isUnstable(groupId: string, topic: string, partition: number): boolean {
    return this.#pending.get(groupId)?.has(offsetKey(topic, partition)) === true
  }

  committed(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.offsets.get(offsetKey(topic, partition))
  }

  /** All committed offsets of the group. */
  allCommitted(groupId: string): readonly CommittedOffset[] {
    return [...(this.#groups.get(groupId)?.offsets.values() ?? [])]
  }

  close(): void {
    for (const { group } of this.#groups.values()) group.close()
    this.#groups.clear()
  }

  #commitProblem(group: Group, { memberId, generation }: Committer): number {
    if (generation < 0) {
      return group.state === 'Empty' ? 0 : errorNumber.UNKNOWN_MEMBER_ID
    }
    const error = group.check(memberId, generation)
    if (error !== 0) return error
    return group.state === 'CompletingRebalance' ? errorNumber.REBALANCE_IN_PROGRESS : 0
  }

  #entry(groupId: string): GroupEntry {
    let entry = this.#groups.get(groupId)
    if (entry === undefined) {
      entry = {
        group: new Group(this.#state.clock),
        pendingIds: new Set(),
        offsets: new Map(),
      }
      this.#groups.set(groupId, entry)
    }
    return entry
  }

  #newMemberId(prefix: string): string {
    const suffix = randomBelow(this.#state.random, 2 ** 32)
      .toString(16)
      .padStart(8, '0')
    return `${prefix}-${this.#nextMember++}-${suffix}`
  }
}
