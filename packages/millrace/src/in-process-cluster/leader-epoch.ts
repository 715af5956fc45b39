// May this node serve a reader for this partition? Fetch and ListOffsets ask (KIP-320).

import { errorNumber } from '../protocol/errors.ts'
import type { Partition } from './topic.ts'

/** 0 = yes. `askedEpoch` is the reader's idea of the leader's epoch; -1 = it has none. */
export const leaderEpochError = (
  partition: Partition,
  nodeId: number,
  askedEpoch: number,
): number => {
  if (askedEpoch >= 0 && askedEpoch < partition.leaderEpoch) return errorNumber.FENCED_LEADER_EPOCH
  if (askedEpoch > partition.leaderEpoch) return errorNumber.UNKNOWN_LEADER_EPOCH
  return partition.leaderId === nodeId ? 0 : errorNumber.NOT_LEADER_OR_FOLLOWER
}
