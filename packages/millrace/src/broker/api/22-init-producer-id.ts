// InitProducerId: a producer id and epoch. An idempotent producer (no transactional id) always gets
// a new id with epoch 0, whatever it had before, as from Kafka. A transactional id keeps its id,
// and each call raises the epoch, which fences the producer before it (KIP-360 where the caller
// names its own).

import { initProducerIdApi } from '../../protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../protocol/errors.ts'
import { coordinatorOf } from '../coordinator.ts'
import { defineHandler } from './handler.ts'

/** In place of PRODUCER_FENCED, which came with version 4, older versions know this error. */
const fencedErrorSince = 4

const refused = (errorCode: number) => ({ errorCode, producerId: -1, producerEpoch: -1 })

export const initProducerIdHandler = defineHandler({
  api: initProducerIdApi,
  handle: (call) => {
    const { state, transactionalIds } = call.node
    const { transactionalId, producerId, producerEpoch } = call.request
    if (transactionalId === null) {
      call.respond({ producerId: state.allocateProducerId(), producerEpoch: 0 })
      return
    }
    if (transactionalId === '') {
      call.respond(refused(errorNumber.INVALID_REQUEST))
      return
    }
    if (coordinatorOf(state, transactionalId)?.id !== call.node.id) {
      call.respond(refused(errorNumber.NOT_COORDINATOR))
      return
    }
    const identity = transactionalIds.start(transactionalId, { producerId, epoch: producerEpoch })
    if (identity === null) {
      const knowsFenced = call.version >= fencedErrorSince
      call.respond(
        refused(knowsFenced ? errorNumber.PRODUCER_FENCED : errorNumber.INVALID_PRODUCER_EPOCH),
      )
      return
    }
    call.respond({ producerId: identity.producerId, producerEpoch: identity.epoch })
  },
  refuse: (_request, errorCode) => refused(errorCode),
})
