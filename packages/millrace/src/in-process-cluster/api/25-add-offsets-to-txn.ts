// Handles AddOffsetsToTxn: adds a consumer group to a transaction that will commit offsets. Clients
// whose transactions raise the epoch do not send it, because their TxnOffsetCommit adds the group.
// Caller: handlers.ts.

import { addOffsetsToTxnApi } from '../../protocol/api/25-add-offsets-to-txn.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

/** Earlier versions get INVALID_PRODUCER_EPOCH instead of PRODUCER_FENCED. */
const fencedErrorSince = 2

export const addOffsetsToTxnHandler = defineHandler({
  api: addOffsetsToTxnApi,
  handle: (call) => {
    const { node, request, version } = call
    const { transactionalId, producerId, producerEpoch, groupId } = request
    const by = { producerId, epoch: producerEpoch }
    const places = { partitions: [], groups: [groupId] }
    const errorCode =
      node.transactions.problem(node.id, transactionalId) ||
      node.transactions.add(transactionalId, by, places, 0)
    const isUnknownError = errorCode === errorNumber.PRODUCER_FENCED && version < fencedErrorSince
    call.respond({ errorCode: isUnknownError ? errorNumber.INVALID_PRODUCER_EPOCH : errorCode })
  },
  transactionalIds: ({ transactionalId }) => [transactionalId],
  reject: (_request, errorCode) => ({ errorCode }),
})
