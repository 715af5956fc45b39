// InitProducerId: a producer id and epoch. An idempotent producer (no transactional id) always gets
// a new id with epoch 0, whatever it had before, as from Kafka. A transactional id keeps its id,
// and each call raises the epoch, which fences the producer before it (KIP-360 where the caller
// names its own).

import { initProducerIdApi } from '../../protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { ProducerIdentity } from '../transaction-entry.ts'
import { defineHandler } from './handler.ts'

/** Instead of PRODUCER_FENCED, which came with version 4, older versions know this error. */
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
