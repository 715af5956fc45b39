// Handles AddPartitionsToTxn: adds partitions to a transaction, either all or none. Clients send
// versions up to 3, with one transaction. Brokers send versions from 4 on, with several
// transactions, and may only verify (`verifyOnly`). Clients whose transactions raise the epoch do
// not send it, because their Produce requests add the partitions. Caller: handlers.ts.

import {
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponse,
  addPartitionsToTxnApi,
} from '../../protocol/api/24-add-partitions-to-txn.ts'
import { errorNumber } from '../../protocol/errors.ts'
import type { ProducerIdentity, TopicPartition } from '../transaction-entry.ts'
import { type ApiCall, defineHandler } from './handler.ts'

type Call = ApiCall<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse>
type TransactionPartitions = AddPartitionsToTxnRequest['transactions'][number]

const batchedSince = 4
/** Earlier versions get INVALID_PRODUCER_EPOCH instead of PRODUCER_FENCED. */
const fencedErrorSince = 2

const transactionOf = (request: AddPartitionsToTxnRequest): TransactionPartitions => ({
  transactionalId: request.v3AndBelowTransactionalId,
  producerId: request.v3AndBelowProducerId,
  producerEpoch: request.v3AndBelowProducerEpoch,
  topics: request.v3AndBelowTopics,
  verifyOnly: false,
})

const partitionsOf = ({ topics }: TransactionPartitions): readonly TopicPartition[] =>
  topics.flatMap(({ name, partitions }) =>
    partitions.map((partition) => ({ topic: name, partition })),
  )

type CodeOf = (partition: TopicPartition) => number

const resultsOf = ({ topics }: TransactionPartitions, codeOf: CodeOf) =>
  topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: codeOf({ topic: name, partition: partitionIndex }),
    })),
  }))

/** Adds or verifies the partitions; returns the error of each. */
const carryOut = (call: Call, transaction: TransactionPartitions): CodeOf => {
  const { node, effects, version } = call
  const { transactions, state, id } = node
  const { transactionalId, producerId, producerEpoch, verifyOnly } = transaction
  const partitions = partitionsOf(transaction)
  const problemOf: CodeOf = ({ topic, partition }) =>
    effects.errorAt('before', topic, partition) ||
    (state.topic(topic)?.partitions[partition] === undefined
      ? errorNumber.UNKNOWN_TOPIC_OR_PARTITION
      : 0)
  if (partitions.some((each) => problemOf(each) !== 0)) {
    return (each) => problemOf(each) || errorNumber.OPERATION_NOT_ATTEMPTED
  }
  const by: ProducerIdentity = { producerId, epoch: producerEpoch }
  const problem = transactions.problem(id, transactionalId)
  if (problem !== 0) return () => problem
  if (verifyOnly) {
    return (each) => transactions.verify(transactionalId, by, { partitions: [each], groups: [] })
  }
  const level = version >= batchedSince ? 2 : 0
  const errorCode = transactions.add(transactionalId, by, { partitions, groups: [] }, level)
  const isUnknownError = errorCode === errorNumber.PRODUCER_FENCED && version < fencedErrorSince
  const shared = isUnknownError ? errorNumber.INVALID_PRODUCER_EPOCH : errorCode
  return ({ topic, partition }) => shared || effects.errorAt('after', topic, partition)
}

export const addPartitionsToTxnHandler = defineHandler({
  api: addPartitionsToTxnApi,
  handle: (call) => {
    const { request, version } = call
    if (version >= batchedSince) {
      call.respond({
        resultsByTransaction: request.transactions.map((transaction) => ({
          transactionalId: transaction.transactionalId,
          topicResults: resultsOf(transaction, carryOut(call, transaction)),
        })),
      })
      return
    }
    const transaction = transactionOf(request)
    call.respond({ resultsByTopicV3AndBelow: resultsOf(transaction, carryOut(call, transaction)) })
  },
  targets: (request) =>
    [...request.transactions, transactionOf(request)].flatMap((transaction) =>
      partitionsOf(transaction),
    ),
  transactionalIds: (request) => [
    ...request.transactions.map(({ transactionalId }) => transactionalId),
    request.v3AndBelowTransactionalId,
  ],
})
