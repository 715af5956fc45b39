// JoinGroup: becomes a member of a consumer group. The answer comes when all members have joined.

import { joinGroupApi } from '../../protocol/api/11-join-group.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type JoinAnswer, refusedJoin } from '../group.ts'
import { defineHandler } from './handler.ts'

/** A member without an id is told its id and must come back with it. */
const idRequiredSince = 4
/** No protocol is null since this version, and '' before. */
const nullProtocolSince = 7

const sessionTimeoutMsMin = 1
const sessionTimeoutMsMax = 1_800_000

const encoded = (answer: JoinAnswer, version: number) => ({
  ...answer,
  protocolName:
    answer.protocolName === '' && version >= nullProtocolSince ? null : answer.protocolName,
})

export const joinGroupHandler = defineHandler({
  api: joinGroupApi,
  handle: (call) => {
    const { request, node, version } = call
    const { groupId, sessionTimeoutMs, rebalanceTimeoutMs } = request
    const badSession =
      sessionTimeoutMs < sessionTimeoutMsMin || sessionTimeoutMs > sessionTimeoutMsMax
    const problem =
      node.groups.problem(node.id, groupId) ||
      (badSession ? errorNumber.INVALID_SESSION_TIMEOUT : 0)
    if (problem !== 0) {
      call.respond(encoded(refusedJoin(problem, request.memberId), version))
      return
    }
    const wish = {
      ...request,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    }
    const mustReturn = version >= idRequiredSince
    const memberId = node.groups.join(groupId, call.clientId, wish, mustReturn, (answer) =>
      call.respond(encoded(answer, version)),
    )
    call.onGone(() => node.groups.group(groupId)?.abandonJoin(memberId))
  },
  refuse: (request, code, version) => encoded(refusedJoin(code, request.memberId), version),
})
