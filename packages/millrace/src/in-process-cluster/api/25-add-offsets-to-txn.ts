// AddOffsetsToTxn: a transaction is going to bring offsets to a consumer group. Clients whose
// transactions raise the epoch skip it: their TxnOffsetCommit adds the group.

import { addOffsetsToTxnApi } from '../../protocol/api/25-add-offsets-to-txn.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

/** Instead of PRODUCER_FENCED older versions know INVALID_PRODUCER_EPOCH. */
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
