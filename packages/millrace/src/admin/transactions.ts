// Lists, describes, and aborts transactions, for operators (KIP-664). A transaction hangs if it is
// open in a partition but unknown to its coordinator: consumers with `read_committed` stop at its
// first record. abortHangingTransaction makes the leader write an abort marker; it must not do so
// if the coordinator knows the transaction. abortTransaction lets the coordinator abort, which
// fences the producer. Caller: admin.ts.

import { checkFields, checkReadable } from '../producer/field-check.ts'
import { initProducerIdApi } from '../protocol/api/22-init-producer-id.ts'
import { writeTxnMarkersApi } from '../protocol/api/27-write-txn-markers.ts'
import { describeProducersApi } from '../protocol/api/61-describe-producers.ts'
import { describeTransactionsApi } from '../protocol/api/65-describe-transactions.ts'
import { listTransactionsApi } from '../protocol/api/66-list-transactions.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import type { ProducerId } from '../protocol/producer-id.ts'
import type { BrokerCalls } from './broker-calls.ts'
import { checkPartition, checkText, checkWhole } from './check.ts'
import { brokerIds } from './cluster-description.ts'
import { requestLeaders } from './leaders.ts'
import { outcomeError } from './topic-changes.ts'

/** One transaction in the result of `Admin.listTransactions`. */
export interface TransactionSummary {
  /** The producer's option `transactionalId`. */
  readonly transactionalId: string
  /** The id that its coordinator gave the producer. */
  readonly producerId: ProducerId
  /** The coordinator's state: `Ongoing`, `PrepareCommit`, `CompleteAbort`, `Empty`, … */
  readonly state: string
  /** Node id of its coordinator. */
  readonly coordinatorId: number
}

/** The result of `Admin.describeTransaction`. */
export interface TransactionDescription extends TransactionSummary {
  /** The producer's current epoch; a producer with an older epoch is fenced. */
  readonly producerEpoch: number
  /** The transaction timeout: after this time the coordinator aborts the transaction. */
  readonly timeoutMs: number
  /** When it began, in milliseconds since the epoch; `null` = no transaction is open. */
  readonly startedAt: number | null
  /** The partitions that were added to the transaction. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
}

/** A producer, as one partition describes it. */
export interface PartitionProducer {
  /** The producer id in its batches: idempotent producers have one. */
  readonly producerId: ProducerId
  /** The latest epoch that the partition has received. */
  readonly producerEpoch: number
  /** Sequence number of its last record; -1 = none. */
  readonly lastSequence: number
  /** Milliseconds since the epoch of its last batch; -1 = none. */
  readonly lastTimestamp: number
  /** The coordinator epoch of its last transaction marker; -1 = no marker was written. */
  readonly coordinatorEpoch: number
  /** Offset of the first record of its open transaction; `null` = none is open. */
  readonly transactionStartOffset: number | null
}

/** An open transaction of one partition, in the result of `Admin.findHangingTransactions`. */
export interface OpenTransaction extends PartitionProducer {
  /** The topic in which it is open. */
  readonly topic: string
  /** The partition in which it is open. */
  readonly partition: number
  /** The offset of its first record in the partition. */
  readonly transactionStartOffset: number
  /** How long ago its producer wrote to the partition, in milliseconds. */
  readonly idleMs: number
  /** The coordinator's description; `null` = the coordinator does not know it, so it hangs. */
  readonly coordinator: TransactionDescription | null
}

/** Which transactions `Admin.findHangingTransactions` returns. */
export interface HangingTransactionOptions {
  /** Only this topic; all by default. */
  readonly topic?: string | undefined
  /** Only this partition of it. */
  readonly partition?: number | undefined
  /**
   * Only transactions whose producer has not written for this many milliseconds; 900,000 by
   * default, which is the default of the brokers' `transaction.max.timeout.ms`.
   */
  readonly idleMs?: number | undefined
}

const idleMsDefault = 900_000
/** The maximum number of partitions in one DescribeProducers request. */
const partitionsPerRequest = 1000

/** The error context of requests that change nothing in the cluster. */
const readOnly = { persisted: 'no' } as const

export const listTransactions = (
  calls: BrokerCalls,
  filters: {
    readonly states?: readonly string[]
    readonly producerIds?: readonly ProducerId[]
  } = {},
): Promise<readonly TransactionSummary[]> =>
  calls.untilDone(async () => {
    const ids = await brokerIds(calls)
    const request = {
      stateFilters: [...(filters.states ?? [])],
      producerIdFilters: [...(filters.producerIds ?? [])],
    }
    const { name: api } = listTransactionsApi
    const found = await Promise.all(
      ids.map(async (coordinatorId) => {
        const { transactionStates } = await calls.toNode(
          coordinatorId,
          listTransactionsApi,
          request,
          (response, { name: broker }) => outcomeError(response, { api, broker, ...readOnly }),
        )
        return transactionStates.map(({ transactionalId, producerId, transactionState: state }) => {
          return { transactionalId, producerId, state, coordinatorId }
        })
      }),
    )
    return found.flat().sort((one, other) => (one.transactionalId < other.transactionalId ? -1 : 1))
  }, true)

/** Resolves to `null` if the coordinator does not know the transactional id. */
export const describeTransaction = async (
  calls: BrokerCalls,
  id: string,
): Promise<TransactionDescription | null> => {
  const transactionalId = checkText('transactionalId', id)
  let coordinatorId = -1
  const { name: api } = describeTransactionsApi
  try {
    const { transactionStates } = await calls.toCoordinator(
      'transaction',
      transactionalId,
      describeTransactionsApi,
      { transactionalIds: [transactionalId] },
      ({ transactionStates: [state] }, { name: broker, nodeId }) => {
        coordinatorId = nodeId
        return outcomeError(state, { api, broker, ...readOnly })
      },
    )
    const state = transactionStates[0]!
    return {
      transactionalId,
      coordinatorId,
      state: state.transactionState,
      producerId: state.producerId,
      producerEpoch: state.producerEpoch,
      timeoutMs: state.transactionTimeoutMs,
      startedAt: state.transactionStartTimeMs < 0 ? null : state.transactionStartTimeMs,
      partitions: state.topics.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      ),
    }
  } catch (error) {
    if (isUnknownId(error)) return null
    throw error
  }
}

const isUnknownId = (error: unknown): boolean =>
  error instanceof KafkaError && error.brokerError === 'TRANSACTIONAL_ID_NOT_FOUND'

/** The producers of each partition, from its leader. */
export const describeProducers = (
  calls: BrokerCalls,
  topic: string,
  partitions: readonly number[] | null,
): Promise<ReadonlyMap<number, readonly PartitionProducer[]>> =>
  requestLeaders(calls, checkText('topic', topic), partitions, async (nodeId, requested) => {
    const producers = new Map<number, readonly PartitionProducer[]>()
    for (let start = 0; start < requested.length; start += partitionsPerRequest) {
      const some = requested.slice(start, start + partitionsPerRequest)
      await describeSome(calls, nodeId, topic, some, producers)
    }
    return producers
  })

const describeSome = async (
  calls: BrokerCalls,
  nodeId: number,
  topic: string,
  requested: readonly number[],
  producers: Map<number, readonly PartitionProducer[]>,
): Promise<void> => {
  const { name: api } = describeProducersApi
  const request = { topics: [{ name: topic, partitionIndexes: [...requested] }] }
  await calls.toNode(nodeId, describeProducersApi, request, ({ topics }, { name: broker }) => {
    const found = topics.flatMap((each) => each.partitions)
    for (const partition of requested) {
      const outcome = found.find(({ partitionIndex }) => partitionIndex === partition)
      const error = outcomeError(outcome, { api, topic, partition, broker, ...readOnly })
      if (error !== null) return error
      producers.set(
        partition,
        outcome!.activeProducers.map(({ currentTxnStartOffset, ...producer }) => ({
          producerId: producer.producerId,
          producerEpoch: producer.producerEpoch,
          lastSequence: producer.lastSequence,
          lastTimestamp: producer.lastTimestamp,
          coordinatorEpoch: producer.coordinatorEpoch,
          transactionStartOffset: currentTxnStartOffset < 0 ? null : currentTxnStartOffset,
        })),
      )
    }
    return null
  })
}

type OpenProducer = PartitionProducer & { readonly transactionStartOffset: number }

const isOpen = (producer: PartitionProducer): producer is OpenProducer =>
  producer.transactionStartOffset !== null

const topicNames = async (calls: BrokerCalls): Promise<readonly string[]> => {
  const { topics } = await calls.metadata({ topics: null, allowAutoTopicCreation: false })
  const named = topics.filter(({ errorCode, name }) => errorCode === 0 && name !== null)
  return named.map(({ name }) => name!).sort()
}

export const findHangingTransactions = async (
  calls: BrokerCalls,
  options: HangingTransactionOptions,
  nowAt: number,
): Promise<readonly OpenTransaction[]> => {
  const names = ['topic', 'partition', 'idleMs'] as const
  const { topic, partition, idleMs = idleMsDefault } = checkFields('what', options, names)
  checkWhole('idleMs', idleMs, 0)
  if (partition !== undefined) checkPartition(partition)
  if (partition !== undefined && topic === undefined) {
    throw new KafkaError('INVALID_ARGUMENT', 'topic must be set where partition is set')
  }
  const found: Omit<OpenTransaction, 'coordinator'>[] = []
  const wanted = partition === undefined ? null : [partition]
  for (const name of topic === undefined ? await topicNames(calls) : [topic]) {
    for (const [index, producers] of await describeProducers(calls, name, wanted)) {
      for (const producer of producers.filter(isOpen)) {
        const producerIdleMs = Math.max(0, nowAt - producer.lastTimestamp)
        if (producerIdleMs < idleMs) continue
        found.push({ topic: name, partition: index, ...producer, idleMs: producerIdleMs })
      }
    }
  }
  const known = await coordinatorViews(calls, found)
  return found.map((open) => ({ ...open, coordinator: viewOf(open, known) }))
}

/** The coordinators' descriptions of the transactions of these producers, by producer id. */
const coordinatorViews = async (
  calls: BrokerCalls,
  found: readonly { readonly producerId: ProducerId }[],
): Promise<ReadonlyMap<ProducerId, TransactionDescription>> => {
  const producerIds = [...new Set(found.map(({ producerId }) => producerId))]
  if (producerIds.length === 0) return new Map()
  const views = new Map<ProducerId, TransactionDescription>()
  for (const { transactionalId, producerId } of await listTransactions(calls, { producerIds })) {
    const view = await describeTransaction(calls, transactionalId)
    if (view !== null) views.set(producerId, view)
  }
  return views
}

/**
 * The coordinator knows the transaction only if its description contains this partition. Kafka's
 * own tool (kafka-transactions.sh) decides in the same way.
 */
const viewOf = (
  { producerId, topic, partition }: Omit<OpenTransaction, 'coordinator'>,
  known: ReadonlyMap<ProducerId, TransactionDescription>,
): TransactionDescription | null => {
  const view = known.get(producerId)
  const isIn = view?.partitions.some((each) => each.topic === topic && each.partition === partition)
  return isIn === true ? (view as TransactionDescription) : null
}

/**
 * Sends InitProducerId, as a new producer with this transactional id does. The coordinator aborts
 * the open transaction and raises the epoch, which fences the producer.
 */
export const abortTransaction = async (
  calls: BrokerCalls,
  transactionalId: string,
): Promise<TransactionDescription> => {
  const before = await describeTransaction(calls, transactionalId)
  if (before === null) {
    const message = `Transactional id "${transactionalId}" was not found at its coordinator`
    throw new KafkaError('INVALID_ARGUMENT', message)
  }
  if (before.state !== 'Ongoing') {
    const message = `the transaction of "${transactionalId}" must be Ongoing, got ${before.state}`
    throw new KafkaError('INVALID_STATE', message)
  }
  const { name: api } = initProducerIdApi
  await calls.toCoordinator(
    'transaction',
    transactionalId,
    initProducerIdApi,
    { transactionalId, transactionTimeoutMs: before.timeoutMs },
    (response, { name: broker }) => outcomeError(response, { api, broker }),
  )
  return before
}

/** Identifies a transaction in a partition, as `OpenTransaction` does. */
export interface HangingTransaction {
  /** The topic in which it is open. */
  readonly topic: string
  /** The partition in which it is open. */
  readonly partition: number
  /** The offset of its first record in the partition. */
  readonly transactionStartOffset: number
}

export const abortHangingTransaction = async (
  calls: BrokerCalls,
  transaction: HangingTransaction,
  nowAt: number,
): Promise<OpenTransaction> => {
  const { topic, partition, transactionStartOffset } = checkReadable('transaction', transaction)
  checkWhole('transactionStartOffset', transactionStartOffset, 0)
  const options = { topic: checkText('topic', topic), partition, idleMs: 0 }
  checkPartition(partition)
  const all = await findHangingTransactions(calls, options, nowAt)
  const open = all.find((each) => each.transactionStartOffset === transactionStartOffset)
  if (open === undefined) {
    const message =
      `transactionStartOffset must be that of an open transaction of ${topic}[${partition}], ` +
      `got ${transactionStartOffset}: ${openText(all)}`
    throw new KafkaError('INVALID_ARGUMENT', message, { topic, partition })
  }
  if (open.coordinator !== null) {
    const { transactionalId } = open.coordinator
    const message =
      'the transaction must be unknown to its coordinator, got one of the transactional id ' +
      `"${transactionalId}": abort it by its transactional id`
    throw new KafkaError('INVALID_STATE', message, { topic, partition })
  }
  await writeAbortMarker(calls, open)
  return open
}

const openText = (all: readonly OpenTransaction[]): string => {
  const offsets = all.map((each) => each.transactionStartOffset)
  if (offsets.length === 0) return 'the partition has no open transaction'
  return `its open transactions start at ${offsets.join(', ')}`
}

const writeAbortMarker = (calls: BrokerCalls, open: OpenTransaction): Promise<unknown> => {
  const { topic, partition, producerId, producerEpoch, coordinatorEpoch } = open
  const { name: api } = writeTxnMarkersApi
  const marker = {
    producerId,
    producerEpoch,
    transactionResult: false,
    topics: [{ name: topic, partitionIndexes: [partition] }],
    // -1 = the partition has no marker yet. Kafka's own tool sends 0 in this case.
    coordinatorEpoch: Math.max(0, coordinatorEpoch),
  }
  return requestLeaders(calls, topic, [partition], async (nodeId) => {
    await calls.toNode(
      nodeId,
      writeTxnMarkersApi,
      { markers: [marker] },
      ({ markers }, { name: broker }) => {
        const [outcome] = markers.flatMap(({ topics }) => topics.flatMap((each) => each.partitions))
        return outcomeError(outcome, { api, topic, partition, broker })
      },
    )
    return new Map([[partition, null]])
  })
}
