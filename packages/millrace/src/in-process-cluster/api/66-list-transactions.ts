// Handles ListTransactions: returns the transactions that the node coordinates (KIP-664). It keeps
// no state. Caller: handlers.ts.

import { listTransactionsApi } from '../../protocol/api/66-list-transactions.ts'
import { defineHandler } from './handler.ts'

const states: readonly string[] = [
  'Empty',
  'Ongoing',
  'PrepareCommit',
  'PrepareAbort',
  'CompleteCommit',
  'CompleteAbort',
  'Dead',
  'PrepareEpochFence',
]

export const listTransactionsHandler = defineHandler({
  api: listTransactionsApi,
  handle: (call) => {
    const { node, request } = call
    const { stateFilters, producerIdFilters, durationFilter, transactionalIdPattern } = request
    const nowAt = node.state.clock.wallTime()
    const isOldEnough = (id: string): boolean => {
      const startedAt = node.transactions.startedAt(id)
      return durationFilter < 0 || (startedAt >= 0 && nowAt - startedAt > durationFilter)
    }
    const pattern = transactionalIdPattern ? new RegExp(`^(?:${transactionalIdPattern})$`) : null
    const found = node.transactions
      .list()
      .filter(({ transactionalId: id }) => node.coordinators.of('transaction', id)?.id === node.id)
      .filter(({ state }) => stateFilters.length === 0 || stateFilters.includes(state))
      .filter(
        ({ producerId }) =>
          producerIdFilters.length === 0 || producerIdFilters.includes(producerId),
      )
      .filter(({ transactionalId: id }) => isOldEnough(id) && (pattern?.test(id) ?? true))
    call.respond({
      unknownStateFilters: stateFilters.filter((state) => !states.includes(state)),
      transactionStates: found.map(({ transactionalId, producerId, state }) => ({
        transactionalId,
        producerId,
        transactionState: state,
      })),
    })
  },
  reject: (_request, errorCode) => ({
    errorCode,
    unknownStateFilters: [],
    transactionStates: [],
  }),
})
