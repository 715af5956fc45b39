// Handles EndTxn: commits or aborts a transaction. From version 5 on it raises the producer's
// epoch, and the response contains the id and the epoch of the next transaction (KIP-890). Caller:
// handlers.ts.

import { endTxnApi } from '../../protocol/api/26-end-txn.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { defineHandler } from './handler.ts'

/** Earlier versions get INVALID_PRODUCER_EPOCH instead of PRODUCER_FENCED. */
const fencedErrorSince = 2
const bumpSince = 5

const rejected = (errorCode: number, version: number) =>
  version >= bumpSince ? { errorCode, producerId: -1, producerEpoch: -1 } : { errorCode }

export const endTxnHandler = defineHandler({
  api: endTxnApi,
  handle: (call) => {
    const { node, request, version } = call
    const { transactionalId, producerId, producerEpoch, committed } = request
    const problem = node.transactions.problem(node.id, transactionalId)
    if (problem !== 0) {
      call.respond(rejected(problem, version))
      return
    }
    const bumps = version >= bumpSince
    const by = { producerId, epoch: producerEpoch }
    const outcome = node.transactions.end(transactionalId, by, committed, bumps ? 2 : 0)
    const { errorCode } = outcome
    if (errorCode !== 0) {
      const isUnknownError = errorCode === errorNumber.PRODUCER_FENCED && version < fencedErrorSince
      call.respond(
        rejected(isUnknownError ? errorNumber.INVALID_PRODUCER_EPOCH : errorCode, version),
      )
      return
    }
    call.respond(
      bumps ? { producerId: outcome.producerId, producerEpoch: outcome.epoch } : { errorCode },
    )
  },
  transactionalIds: ({ transactionalId }) => [transactionalId],
  reject: (_request, errorCode, version) => rejected(errorCode, version),
})
