// Decides which node coordinates a consumer group or a transactional id: a hash of the key selects
// a running node, unless a test moved the key. All nodes share the coordinators' data, so a move
// changes only the node. After a move the key is "loading" for a while, like a Kafka coordinator
// that reads its log. in-process-cluster.ts owns it. Callers: groups.ts,
// transaction-coordinator.ts, and 10-find-coordinator.ts.

import { errorNumber } from '../protocol/errors.ts'
import type { ClusterState, NodeView } from './cluster-state.ts'

/** The coordinator of a consumer group or of a transactional id. */
export type CoordinatorKind = 'group' | 'transaction'

interface Place {
  /** The node that a test selected; -1 = none. It applies while that node is running. */
  pinnedId: number
  /** The node that was last found. */
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

  /** The coordinating node; undefined if no node is running. */
  of(kind: CoordinatorKind, key: string): NodeView | undefined {
    const nodes = this.#state.livingNodes
    const pinned = this.#locations.get(`${kind} ${key}`)?.pinnedId
    return nodes.find(({ id }) => id === pinned) ?? nodes[hashOf(key) % Math.max(1, nodes.length)]
  }

  /** Selects the node for the key, for as long as it is running. */
  move(kind: CoordinatorKind, key: string, nodeId: number): void {
    const before = this.of(kind, key)?.id ?? -1
    const place = this.#place(kind, key)
    if (place.nodeId === -1) place.nodeId = before
    place.pinnedId = nodeId
  }

  /**
   * The error that the node must respond with; 0 = it is the coordinator and has loaded the key.
   */
  problem(kind: CoordinatorKind, key: string, nodeId: number): number {
    const node = this.of(kind, key)
    if (node === undefined || node.id !== nodeId) return errorNumber.NOT_COORDINATOR
    return this.#isLoading(kind, key, nodeId) ? errorNumber.COORDINATOR_LOAD_IN_PROGRESS : 0
  }

  /** The same for requests of the cluster itself. */
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
