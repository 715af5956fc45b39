// Handles FindCoordinator: returns the node that coordinates a consumer group or a transactional
// id. Any running node responds; coordinators.ts decides. Caller: handlers.ts.

import { findCoordinatorApi } from '../../protocol/api/10-find-coordinator.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { CoordinatorKind } from '../coordinators.ts'
import { defineHandler } from './handler.ts'

/** The index is the key type. */
const kinds: readonly CoordinatorKind[] = ['group', 'transaction']
const batchedSince = 4

const noCoordinator = { nodeId: -1, host: '', port: -1 }

export const findCoordinatorHandler = defineHandler({
  api: findCoordinatorApi,
  handle: (call) => {
    const { coordinators } = call.node
    const { request } = call
    const kind = kinds[request.keyType]
    const found = (call.version >= batchedSince ? request.coordinatorKeys : [request.key]).map(
      (key) => {
        const node = kind === undefined ? undefined : coordinators.of(kind, key)
        if (node !== undefined) {
          return { key, nodeId: node.id, host: node.host, port: node.port, errorCode: 0 }
        }
        const errorCode =
          kind === undefined ? errorNumber.INVALID_REQUEST : errorNumber.COORDINATOR_NOT_AVAILABLE
        return { key, ...noCoordinator, errorCode }
      },
    )
    if (call.version >= batchedSince) {
      call.respond({ coordinators: found })
      return
    }
    const { key: _key, ...only } = found[0]!
    call.respond(only)
  },
  transactionalIds: ({ keyType, key, coordinatorKeys }) =>
    kinds[keyType] === 'transaction' ? [key, ...coordinatorKeys] : [],
  reject: (request, errorCode, version) =>
    version >= batchedSince
      ? {
          coordinators: request.coordinatorKeys.map((key) => ({
            key,
            ...noCoordinator,
            errorCode,
          })),
        }
      : { ...noCoordinator, errorCode },
})
