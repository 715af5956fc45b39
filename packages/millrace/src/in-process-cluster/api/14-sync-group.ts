// Handles SyncGroup: stores the assignment of the group's leader, and returns each member its part;
// the other members wait for it. groups.ts owns the state. Caller: handlers.ts.

import { syncGroupApi } from '../../protocol/api/14-sync-group.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { rejectedSync } from '../group.ts'
import { defineHandler } from './handler.ts'

export const syncGroupHandler = defineHandler({
  api: syncGroupApi,
  handle: (call) => {
    const { groupId, memberId, generationId, assignments } = call.request
    const { groups, id } = call.node
    const problem = groups.problem(id, groupId)
    const group = groups.group(groupId)
    if (problem !== 0 || group === undefined) {
      call.respond(rejectedSync(problem || errorNumber.UNKNOWN_MEMBER_ID))
      return
    }
    const byMember = new Map(assignments.map((each) => [each.memberId, each.assignment]))
    group.sync(memberId, generationId, byMember, (response) => call.respond(response))
  },
  reject: (_request, code) => rejectedSync(code),
})
