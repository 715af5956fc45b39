// Handles Heartbeat: keeps a member's session alive, and returns REBALANCE_IN_PROGRESS during a
// rebalance. groups.ts owns the state. Caller: handlers.ts.

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
