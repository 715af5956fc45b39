// Handles JoinGroup: adds a member to a consumer group. It responds when all members have joined.
// groups.ts owns the state. Caller: handlers.ts.

import { joinGroupApi } from '../../protocol/api/11-join-group.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { type JoinResult, rejectedJoin } from '../group.ts'
import { defineHandler } from './handler.ts'

/** From this version on, a member without an id receives one and must join again with it. */
const idRequiredSince = 4
/** From this version on, no protocol is null; before it is ''. */
const nullProtocolSince = 7

const sessionTimeoutMsMin = 1
const sessionTimeoutMsMax = 1_800_000

const encoded = (response: JoinResult, version: number) => ({
  ...response,
  protocolName:
    response.protocolName === '' && version >= nullProtocolSince ? null : response.protocolName,
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
      call.respond(encoded(rejectedJoin(problem, request.memberId), version))
      return
    }
    const join = {
      ...request,
      rebalanceTimeoutMs: rebalanceTimeoutMs < 0 ? sessionTimeoutMs : rebalanceTimeoutMs,
    }
    const mustReturn = version >= idRequiredSince
    const memberId = node.groups.join(groupId, call.clientId, join, mustReturn, (response) =>
      call.respond(encoded(response, version)),
    )
    call.onGone(() => node.groups.group(groupId)?.cancelJoin(memberId))
  },
  reject: (request, code, version) => encoded(rejectedJoin(code, request.memberId), version),
})
