// Handles DescribeTransactions: returns details of transactions that the node coordinates
// (KIP-664). It keeps no state. Caller: handlers.ts.

import {
  type DescribeTransactionsRequest,
  type DescribeTransactionsResponse,
  describeTransactionsApi,
} from '../../protocol/api/65-describe-transactions.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { TopicPartition } from '../transaction-entry.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<DescribeTransactionsRequest, DescribeTransactionsResponse>

const byTopic = (partitions: readonly TopicPartition[]) => {
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
  }
  return [...topics].map(([topic, numbers]) => ({ topic, partitions: numbers }))
}

const rejected = (transactionalId: string, errorCode: number) => ({
  errorCode,
  transactionalId,
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: -1,
  producerId: -1,
  producerEpoch: -1,
  topics: [],
})

const describe = ({ node }: Call, id: string) => {
  const problem = node.transactions.problem(node.id, id)
  if (problem !== 0) return rejected(id, problem)
  const view = node.transactions.list().find(({ transactionalId }) => transactionalId === id)
  if (view === undefined) return rejected(id, errorNumber.TRANSACTIONAL_ID_NOT_FOUND)
  return {
    errorCode: 0,
    transactionalId: id,
    transactionState: view.state,
    transactionTimeoutMs: view.timeoutMs,
    transactionStartTimeMs: node.transactions.startedAt(id),
    producerId: view.producerId,
    producerEpoch: view.producerEpoch,
    topics: byTopic(view.partitions),
  }
}

export const describeTransactionsHandler = defineHandler({
  api: describeTransactionsApi,
  handle: (call) => {
    const { transactionalIds } = call.request
    call.respond({ transactionStates: transactionalIds.map((id) => describe(call, id)) })
  },
  transactionalIds: ({ transactionalIds }) => transactionalIds,
  reject: (request, errorCode) => ({
    transactionStates: request.transactionalIds.map((id) => rejected(id, errorCode)),
  }),
})
