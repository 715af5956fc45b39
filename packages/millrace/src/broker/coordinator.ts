// Which node coordinates a group or a transactional id.

import type { ClusterState, NodeView } from './cluster-state.ts'

/** The node that follows from the key among those that live; undefined = none lives. */
export const coordinatorOf = (state: ClusterState, key: string): NodeView | undefined => {
  const nodes = state.livingNodes
  let hash = 0
  for (let index = 0; index < key.length; index++) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(index)) >>> 0
  }
  return nodes[hash % Math.max(1, nodes.length)]
}
