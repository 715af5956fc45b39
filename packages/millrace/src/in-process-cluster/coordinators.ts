// Which node coordinates a group or a transactional id: what follows from the key among the nodes
// that live, unless a test moved it. One for the whole cluster; what a coordinator knows is shared
// by all nodes, so that only the node changes. A key that moved is "loading" for a while, as
// Kafka's coordinators read their logs first.

import { errorNumber } from '../protocol/errors.ts'
import type { ClusterState, NodeView } from './cluster-state.ts'

/** Whose coordinator: a consumer group's, or a transactional id's. */
export type CoordinatorKind = 'group' | 'transaction'

interface Place {
  /** Where a test put it; -1 = nowhere. It counts while that node lives. */
  pinnedId: number
  /** Where it was last found. */
  nodeId: number
  loadedAt: number
}

const hashOf = (key: string): number => {
  let hash = 0
  for (let index = 0; index < key.length; index++) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(index)) >>> 0
  }
  return hash
}

export class Coordinators {
  readonly #state: ClusterState
  readonly #loadMs: number
  readonly #locations = new Map<string, Place>()

  constructor(state: ClusterState, loadMs: number) {
    this.#state = state
    this.#loadMs = loadMs
  }

  /** The node, undefined if none lives. */
  of(kind: CoordinatorKind, key: string): NodeView | undefined {
    const nodes = this.#state.livingNodes
    const pinned = this.#locations.get(`${kind} ${key}`)?.pinnedId
    return nodes.find(({ id }) => id === pinned) ?? nodes[hashOf(key) % Math.max(1, nodes.length)]
  }

  /** From now on the node is it, as long as it lives. */
  move(kind: CoordinatorKind, key: string, nodeId: number): void {
    const before = this.of(kind, key)?.id ?? -1
    const place = this.#place(kind, key)
    if (place.nodeId === -1) place.nodeId = before
    place.pinnedId = nodeId
  }

  /** The error that the node must respond with; 0 = it is the coordinator, and ready. */
  problem(kind: CoordinatorKind, key: string, nodeId: number): number {
    const node = this.of(kind, key)
    if (node === undefined || node.id !== nodeId) return errorNumber.NOT_COORDINATOR
    return this.#isLoading(kind, key, nodeId) ? errorNumber.COORDINATOR_LOAD_IN_PROGRESS : 0
  }

  /** The same for what the cluster itself asks. */
  problemInside(kind: CoordinatorKind, key: string): number {
    const node = this.of(kind, key)
    return node === undefined
      ? errorNumber.COORDINATOR_NOT_AVAILABLE
      : this.problem(kind, key, node.id)
  }

  #isLoading(kind: CoordinatorKind, key: string, nodeId: number): boolean {
    if (this.#loadMs === 0) return false
    const place = this.#place(kind, key)
    const now = this.#state.clock.now()
    if (place.nodeId !== nodeId) {
      place.loadedAt = place.nodeId === -1 ? now : now + this.#loadMs
      place.nodeId = nodeId
    }
    return now < place.loadedAt
  }

  #place(kind: CoordinatorKind, key: string): Place {
    const name = `${kind} ${key}`
    let place = this.#locations.get(name)
    if (place === undefined) {
      place = { pinnedId: -1, nodeId: -1, loadedAt: 0 }
      this.#locations.set(name, place)
    }
    return place
  }
}
