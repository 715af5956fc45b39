// Checks whether this node may serve a reader of a partition: it must be the leader, with the
// leader epoch that the reader expects (KIP-320). It keeps no state. Callers: 01-fetch.ts and
// 02-list-offsets.ts.

import { errorNumber } from '../protocol/errors.ts'
import type { Partition } from './topic.ts'

/** 0 = yes. `requestedEpoch` is the leader epoch that the reader knows; -1 = none. */
export const leaderEpochError = (
  partition: Partition,
  nodeId: number,
  requestedEpoch: number,
): number => {
  if (requestedEpoch >= 0 && requestedEpoch < partition.leaderEpoch)
    return errorNumber.FENCED_LEADER_EPOCH
  if (requestedEpoch > partition.leaderEpoch) return errorNumber.UNKNOWN_LEADER_EPOCH
  return partition.leaderId === nodeId ? 0 : errorNumber.NOT_LEADER_OR_FOLLOWER
}
