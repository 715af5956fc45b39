// Heartbeat: a member of a consumer group is alive, and learns of a rebalance.

import { heartbeatApi } from '../../protocol/api/12-heartbeat.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

export const heartbeatHandler = defineHandler({
  api: heartbeatApi,
  handle: (call) => {
    const { groupId, memberId, generationId } = call.request
    const { groups, id } = call.node
    const errorCode =
      groups.problem(id, groupId) ||
      (groups.group(groupId)?.heartbeat(memberId, generationId) ?? errorNumber.UNKNOWN_MEMBER_ID)
    call.respond({ errorCode })
  },
  reject: (_request, errorCode) => ({ errorCode }),
})
