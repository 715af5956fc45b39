// Handles LeaveGroup: removes members at once, without waiting for their session timeout. From
// version 3 on a request has several members. groups.ts owns the state. Caller: handlers.ts.

import { leaveGroupApi } from '../../protocol/api/13-leave-group.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

const severalSince = 3

export const leaveGroupHandler = defineHandler({
  api: leaveGroupApi,
  handle: (call) => {
    const { groupId, memberId, members } = call.request
    const { groups, id } = call.node
    const errorCode = groups.problem(id, groupId)
    if (errorCode !== 0) {
      call.respond({ errorCode })
      return
    }
    const group = groups.group(groupId)
    const leave = (leaving: string): number =>
      group?.leave(leaving) ? 0 : errorNumber.UNKNOWN_MEMBER_ID
    if (call.version < severalSince) {
      call.respond({ errorCode: leave(memberId) })
      return
    }
    call.respond({
      members: members.map(({ memberId: named, groupInstanceId }) => {
        const leaving = (groupInstanceId && group?.memberOfInstance(groupInstanceId)) || named
        return { memberId: leaving, groupInstanceId, errorCode: leave(leaving) }
      }),
    })
  },
  reject: (_request, errorCode) => ({ errorCode }),
})
