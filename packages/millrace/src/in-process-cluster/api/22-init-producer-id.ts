// Handles InitProducerId: returns a producer id and an epoch. An idempotent producer without a
// transactional id always gets a new id with epoch 0, as in Kafka. A transactional id keeps its
// producer id, and each call raises the epoch, which fences the previous producer (KIP-360 if the
// caller sends its own). transaction-coordinator.ts owns the state. Caller: handlers.ts.

import { initProducerIdApi } from '../../protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { ProducerIdentity } from '../transaction-entry.ts'
import { defineHandler } from './handler.ts'

/** Version 4 added PRODUCER_FENCED; earlier versions get this error. */
const fencedErrorSince = 4

const rejected = (errorCode: number) => ({ errorCode, producerId: -1, producerEpoch: -1 })

export const initProducerIdHandler = defineHandler({
  api: initProducerIdApi,
  handle: (call) => {
    const { node, request, version } = call
    const { transactionalId, transactionTimeoutMs, producerId, producerEpoch } = request
    if ((producerId === -1) !== (producerEpoch === -1)) {
      call.respond(rejected(errorNumber.INVALID_REQUEST))
      return
    }
    if (transactionalId === null) {
      call.respond({ producerId: node.state.allocateProducerId(), producerEpoch: 0 })
      return
    }
    const expected: ProducerIdentity | null =
      producerId === -1 ? null : { producerId, epoch: producerEpoch }
    const { errorCode, ...identity } = node.transactions.initialize(
      node.id,
      transactionalId,
      transactionTimeoutMs,
      expected,
    )
    const isUnknownError = errorCode === errorNumber.PRODUCER_FENCED && version < fencedErrorSince
    call.respond({
      errorCode: isUnknownError ? errorNumber.INVALID_PRODUCER_EPOCH : errorCode,
      producerId: identity.producerId,
      producerEpoch: identity.epoch,
    })
  },
  transactionalIds: ({ transactionalId }) => (transactionalId === null ? [] : [transactionalId]),
  reject: (_request, errorCode) => rejected(errorCode),
})
