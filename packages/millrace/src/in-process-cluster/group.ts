// One consumer group of the classic protocol: its members, and the rebalances that assign
// partitions to them. groups.ts owns the groups; the api handlers call a group with a request and a
// callback for the response. Invariants: a member has at most one waiting request; each waiting
// request gets one response; a member with a waiting request does not time out; a group without
// members is Empty.
//
//   Empty → PreparingRebalance (all join) → CompletingRebalance (the leader assigns) → Stable
//              ↑___________ a member joins, leaves, or times out _____________|

import { errorNumber } from '../protocol/errors.ts'
import { assert } from '../runtime/assert.ts'
import type { Clock, Timer } from '../runtime/clock.ts'

export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

const legal: Readonly<Record<GroupState, readonly GroupState[]>> = {
  Empty: ['PreparingRebalance'],
  PreparingRebalance: ['CompletingRebalance', 'Empty'],
  CompletingRebalance: ['Stable', 'PreparingRebalance'],
  Stable: ['PreparingRebalance'],
}

export interface GroupProtocol {
  readonly name: string
  readonly metadata: Uint8Array
}

export interface JoinRequest {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly GroupProtocol[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

export interface JoinResult {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string
  readonly leader: string
  readonly memberId: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly metadata: Uint8Array
  }[]
}

export interface SyncResult {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Uint8Array
}

interface Member {
  readonly id: string
  readonly instanceId: string | null
  protocols: readonly GroupProtocol[]
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  assignment: Uint8Array
  join: ((response: JoinResult) => void) | null
  sync: ((response: SyncResult) => void) | null
  session: Timer | null
}

const nothing = new Uint8Array(0)

export const rejectedJoin = (errorCode: number, memberId: string): JoinResult => ({
  errorCode,
  generationId: -1,
  protocolType: null,
  protocolName: '',
  leader: '',
  memberId,
  members: [],
})

export const rejectedSync = (errorCode: number): SyncResult => ({
  errorCode,
  protocolType: null,
  protocolName: null,
  assignment: nothing,
})

const sameProtocols = (a: readonly GroupProtocol[], b: readonly GroupProtocol[]): boolean =>
  a.length === b.length &&
  a.every(
    ({ name, metadata }, index) =>
      name === b[index]!.name && Buffer.compare(metadata, b[index]!.metadata) === 0,
  )

export class Group {
  readonly #clock: Clock
  readonly #members = new Map<string, Member>()
  #state: GroupState = 'Empty'
  #generation = 0
  #protocolType: string | null = null
  #protocolName = ''
  #leaderId = ''
  #rebalance: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get protocolType(): string | null {
    return this.#protocolType
  }

  get state(): GroupState {
    return this.#state
  }

  get memberIds(): readonly string[] {
    return [...this.#members.keys()]
  }

  /** The id of the member with this instance id; undefined if there is none. */
  memberOfInstance(instanceId: string): string | undefined {
    return [...this.#members.values()].find((member) => member.instanceId === instanceId)?.id
  }

  /** Joins, or joins again with a known id. The response may be sent much later. */
  join(request: JoinRequest, respond: (response: JoinResult) => void): void {
    if (!this.#accepts(request)) {
      respond(rejectedJoin(errorNumber.INCONSISTENT_GROUP_PROTOCOL, request.memberId))
      return
    }
    const known = this.#members.get(request.memberId)
    const member = known ?? this.#add(request)
    const changed = known === undefined || !sameProtocols(known.protocols, request.protocols)
    member.protocols = request.protocols
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.#protocolType = request.protocolType
    const settled = this.#state === 'Stable' ? member.id !== this.#leaderId : true
    const inRound = this.#state === 'Stable' || this.#state === 'CompletingRebalance'
    if (!changed && inRound && settled) {
      // The member did not receive the response of this round and repeats the same request.
      this.#restartSessionTimer(member)
      respond(this.#joinResponse(member))
      return
    }
    member.join?.(rejectedJoin(errorNumber.UNKNOWN_MEMBER_ID, member.id))
    member.join = respond
    member.session?.cancel()
    this.#prepare()
  }

  /** The client that waits for the response to a join has disconnected. */
  cancelJoin(memberId: string): void {
    if (this.#members.get(memberId)?.join != null) this.leave(memberId)
  }

  sync(
    memberId: string,
    generation: number,
    assignments: ReadonlyMap<string, Uint8Array>,
    respond: (response: SyncResult) => void,
  ): void {
    const error = this.check(memberId, generation)
    const member = this.#members.get(memberId)
    if (error !== 0 || member === undefined) {
      respond(rejectedSync(error))
      return
    }
    switch (this.#state) {
      case 'Empty':
        respond(rejectedSync(errorNumber.UNKNOWN_MEMBER_ID))
        return
      case 'PreparingRebalance':
        respond(rejectedSync(errorNumber.REBALANCE_IN_PROGRESS))
        return
      case 'CompletingRebalance':
        member.sync?.(rejectedSync(errorNumber.REBALANCE_IN_PROGRESS))
        member.sync = respond
        if (memberId === this.#leaderId) this.#assign(assignments)
        return
      case 'Stable':
        this.#restartSessionTimer(member)
        respond(this.#syncResponse(member))
        return
      default:
        this.#state satisfies never
    }
  }

  /** 0 = the member is up to date; otherwise the error for the member. */
  heartbeat(memberId: string, generation: number): number {
    const error = this.check(memberId, generation)
    const member = this.#members.get(memberId)
    if (error !== 0 || member === undefined) return error
    this.#restartSessionTimer(member)
    return this.#state === 'PreparingRebalance' ? errorNumber.REBALANCE_IN_PROGRESS : 0
  }

  /** 0 = the member belongs to the current generation; otherwise the error. */
  check(memberId: string, generation: number): number {
    if (!this.#members.has(memberId)) return errorNumber.UNKNOWN_MEMBER_ID
    return generation === this.#generation ? 0 : errorNumber.ILLEGAL_GENERATION
  }

  /** 0 = the instance id, if there is one, belongs to this member; otherwise the error. */
  checkMember(memberId: string, instanceId: string | null): number {
    if (instanceId === null) return 0
    const holder = this.memberOfInstance(instanceId)
    if (holder === undefined) return errorNumber.UNKNOWN_MEMBER_ID
    return holder === memberId ? 0 : errorNumber.FENCED_INSTANCE_ID
  }

  /** Returns false if the member does not exist. */
  leave(memberId: string): boolean {
    const member = this.#members.get(memberId)
    if (member === undefined) return false
    this.#members.delete(memberId)
    member.session?.cancel()
    member.join?.(rejectedJoin(errorNumber.UNKNOWN_MEMBER_ID, memberId))
    member.sync?.(rejectedSync(errorNumber.UNKNOWN_MEMBER_ID))
    if (this.#state === 'PreparingRebalance') this.#completeIfAllJoined()
    else this.#prepare()
    return true
  }

  /** Cancels all timers; waiting requests get no response. */
  close(): void {
    this.#rebalance?.cancel()
    for (const member of this.#members.values()) member.session?.cancel()
    this.#members.clear()
  }

  #transition(next: GroupState): void {
    assert(legal[this.#state].includes(next), `a group does not go from ${this.#state} to ${next}`)
    this.#state = next
  }

  /** Whether the request has the group's type, and a protocol that all other members support. */
  #accepts(request: JoinRequest): boolean {
    if (request.protocols.length === 0 || request.protocolType === '') return false
    const others = [...this.#members.values()].filter(({ id }) => id !== request.memberId)
    if (others.length === 0) return true
    if (request.protocolType !== this.#protocolType) return false
    return request.protocols.some(({ name }) =>
      others.every((other) => other.protocols.some((protocol) => protocol.name === name)),
    )
  }

  #add(request: JoinRequest): Member {
    const member: Member = {
      id: request.memberId,
      instanceId: request.groupInstanceId,
      protocols: request.protocols,
      sessionTimeoutMs: request.sessionTimeoutMs,
      rebalanceTimeoutMs: request.rebalanceTimeoutMs,
      assignment: nothing,
      join: null,
      sync: null,
      session: null,
    }
    this.#members.set(member.id, member)
    return member
  }

  #prepare(): void {
    if (this.#state !== 'PreparingRebalance') {
      for (const member of this.#members.values()) {
        const { sync } = member
        member.sync = null
        sync?.(rejectedSync(errorNumber.REBALANCE_IN_PROGRESS))
      }
      this.#transition('PreparingRebalance')
      const timeouts = [...this.#members.values()].map((member) => member.rebalanceTimeoutMs)
      this.#rebalance = this.#clock.setTimer(Math.max(0, ...timeouts), () => this.#dropAbsent())
    }
    this.#completeIfAllJoined()
  }

  #completeIfAllJoined(): void {
    const members = [...this.#members.values()]
    if (members.every((member) => member.join !== null)) this.#complete()
  }

  /** Removes members that have not joined when the time limit ends. */
  #dropAbsent(): void {
    for (const member of [...this.#members.values()]) {
      if (member.join !== null) continue
      member.session?.cancel()
      this.#members.delete(member.id)
    }
    this.#complete()
  }

  #complete(): void {
    this.#rebalance?.cancel()
    this.#rebalance = null
    this.#generation++
    const members = [...this.#members.values()]
    const first = members[0]
    if (first === undefined) {
      this.#protocolName = ''
      this.#leaderId = ''
      this.#transition('Empty')
      return
    }
    if (!this.#members.has(this.#leaderId)) this.#leaderId = first.id
    this.#protocolName = this.#chooseProtocol(members)
    this.#transition('CompletingRebalance')
    for (const member of members) {
      const { join } = member
      member.join = null
      member.assignment = nothing
      this.#restartSessionTimer(member)
      join?.(this.#joinResponse(member))
    }
  }

  /** The protocol that most members prefer, of those that all members support. */
  #chooseProtocol(members: readonly Member[]): string {
    const isCommon = (name: string): boolean =>
      members.every(({ protocols }) => protocols.some((protocol) => protocol.name === name))
    const counts = new Map<string, number>()
    for (const { protocols } of members) {
      const favourite = protocols.find(({ name }) => isCommon(name))
      assert(favourite !== undefined, 'members of a group have a protocol in common')
      counts.set(favourite.name, (counts.get(favourite.name) ?? 0) + 1)
    }
    return [...counts].reduce((best, vote) => (vote[1] > best[1] ? vote : best))[0]
  }

  #joinResponse(member: Member): JoinResult {
    const isLeader = member.id === this.#leaderId
    return {
      errorCode: 0,
      generationId: this.#generation,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: this.#leaderId,
      memberId: member.id,
      members: isLeader
        ? [...this.#members.values()].map(({ id, instanceId, protocols }) => ({
            memberId: id,
            groupInstanceId: instanceId,
            metadata:
              protocols.find(({ name }) => name === this.#protocolName)?.metadata ?? nothing,
          }))
        : [],
    }
  }

  #syncResponse(member: Member): SyncResult {
    const { assignment } = member
    const protocolType = this.#protocolType
    return { errorCode: 0, protocolType, protocolName: this.#protocolName, assignment }
  }

  #assign(assignments: ReadonlyMap<string, Uint8Array>): void {
    this.#transition('Stable')
    for (const member of this.#members.values()) {
      member.assignment = assignments.get(member.id) ?? nothing
    }
    for (const member of this.#members.values()) {
      const { sync } = member
      member.sync = null
      this.#restartSessionTimer(member)
      sync?.(this.#syncResponse(member))
    }
  }

  /** The member is alive: its session timeout starts again. */
  #restartSessionTimer(member: Member): void {
    member.session?.cancel()
    member.session = this.#clock.setTimer(member.sessionTimeoutMs, () => {
      if (member.join !== null || member.sync !== null) this.#restartSessionTimer(member)
      else this.leave(member.id)
    })
  }
}
