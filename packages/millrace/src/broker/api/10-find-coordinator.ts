// FindCoordinator: which node keeps a consumer group or a transactional id. Any living node may;
// which one follows from the key alone, as long as the same nodes live.

import { findCoordinatorApi } from '../../protocol/api/10-find-coordinator.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { coordinatorOf } from '../coordinator.ts'
import { defineHandler } from './handler.ts'

const groupKeyType = 0
const transactionKeyType = 1
const batchedSince = 4

const nowhere = { nodeId: -1, host: '', port: -1 }

export const findCoordinatorHandler = defineHandler({
  api: findCoordinatorApi,
  handle: (call) => {
    const { state } = call.node
    const { request } = call
    const known = request.keyType === groupKeyType || request.keyType === transactionKeyType
    const answers = (call.version >= batchedSince ? request.coordinatorKeys : [request.key]).map(
      (key) => {
        const node = known ? coordinatorOf(state, key) : undefined
        if (node !== undefined) {
          return { key, nodeId: node.id, host: node.host, port: node.port, errorCode: 0 }
        }
        const errorCode = known
          ? errorNumber.COORDINATOR_NOT_AVAILABLE
          : errorNumber.INVALID_REQUEST
        return { key, ...nowhere, errorCode }
      },
    )
    if (call.version >= batchedSince) {
      call.respond({ coordinators: answers })
      return
    }
    const { key: _key, ...answer } = answers[0]!
    call.respond(answer)
  },
  refuse: (request, errorCode, version) =>
    version >= batchedSince
      ? { coordinators: request.coordinatorKeys.map((key) => ({ key, ...nowhere, errorCode })) }
      : { ...nowhere, errorCode },
})
