// The faults of a seed that only transactions know: responses of coordinators, moves of
// coordinators, transactions that the coordinator aborts, and upgrades of the cluster. As with
// other faults: an response never says that something was not done which was.

import type { Chance } from './chance.ts'
import type { ClusterPlan, TopicPlan } from './plan.ts'

export type TransactionApi =
  | 'InitProducerId'
  | 'AddPartitionsToTxn'
  | 'AddOffsetsToTxn'
  | 'TxnOffsetCommit'
  | 'EndTxn'
  | 'FindCoordinator'
  | 'Produce'

export interface TransactionRulePlan {
  readonly api: TransactionApi
  readonly transactionalId?: string
  readonly count: number
  readonly at: 'before' | 'after'
  readonly error?: string
  readonly drop?: boolean
  readonly close?: boolean
  readonly delayMs?: number
}

interface Span {
  readonly atMs: number
  readonly forMs: number
}

export type TransactionFaultStep = Span &
  (
    | {
        readonly kind: 'transactionRule'
        readonly rule: TransactionRulePlan
        /** The response is final: only while the transaction is open, else it would be wrong. */
        readonly isFinal: boolean
        /** It ends the producer, as it should. */
        readonly isFatal: boolean
      }
    | {
        readonly kind: 'moveCoordinator'
        readonly of: 'transaction' | 'group'
        readonly key: string
        readonly node: number
      }
    | { readonly kind: 'abortTransaction'; readonly transactionalId: string }
    | { readonly kind: 'upgrade' }
  )

interface Frame {
  readonly topics: readonly TopicPlan[]
  readonly cluster: ClusterPlan
  readonly sessions: readonly { readonly transactionalId: string }[]
  readonly durationMs: number
  readonly level: number
}

const passing = ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR']

const passingErrors: Readonly<Record<TransactionApi, readonly string[]>> = {
  InitProducerId: [...passing, 'CONCURRENT_TRANSACTIONS'],
  AddPartitionsToTxn: [...passing, 'CONCURRENT_TRANSACTIONS', 'UNKNOWN_TOPIC_OR_PARTITION'],
  AddOffsetsToTxn: [...passing, 'CONCURRENT_TRANSACTIONS'],
  TxnOffsetCommit: [...passing, 'UNKNOWN_TOPIC_OR_PARTITION', 'REQUEST_TIMED_OUT'],
  EndTxn: [...passing, 'CONCURRENT_TRANSACTIONS'],
  FindCoordinator: ['COORDINATOR_LOAD_IN_PROGRESS', 'COORDINATOR_NOT_AVAILABLE'],
  Produce: ['NOT_ENOUGH_REPLICAS', 'CONCURRENT_TRANSACTIONS'],
}

/** After these the transaction can only be aborted. */
const finalErrors: Readonly<Record<TransactionApi, readonly string[]>> = {
  InitProducerId: [],
  AddPartitionsToTxn: [
    'TOPIC_AUTHORIZATION_FAILED',
    'TRANSACTION_ABORTABLE',
    'INVALID_TXN_STATE',
    'INVALID_PRODUCER_ID_MAPPING',
  ],
  AddOffsetsToTxn: ['GROUP_AUTHORIZATION_FAILED', 'TRANSACTION_ABORTABLE', 'INVALID_TXN_STATE'],
  TxnOffsetCommit: [
    'GROUP_AUTHORIZATION_FAILED',
    'ILLEGAL_GENERATION',
    'UNKNOWN_MEMBER_ID',
    'FENCED_INSTANCE_ID',
    'OFFSET_METADATA_TOO_LARGE',
    'TRANSACTION_ABORTABLE',
    'INVALID_TXN_STATE',
  ],
  EndTxn: ['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'INVALID_PRODUCER_ID_MAPPING'],
  FindCoordinator: [],
  Produce: [
    'OUT_OF_ORDER_SEQUENCE_NUMBER',
    'TRANSACTION_ABORTABLE',
    'INVALID_TXN_STATE',
    'INVALID_PRODUCER_ID_MAPPING',
    'POLICY_VIOLATION',
    'UNKNOWN_PRODUCER_ID',
  ],
}

/** The coordinator did it, and then could not write it down in time, or moved. */
const afterErrors = ['COORDINATOR_NOT_AVAILABLE', 'NOT_COORDINATOR']

const drawApi = (chance: Chance, level: number): TransactionApi =>
  chance.weighted<TransactionApi>([
    [15, 'InitProducerId'],
    [level === 2 ? 2 : 18, 'AddPartitionsToTxn'],
    [level === 2 ? 1 : 6, 'AddOffsetsToTxn'],
    [12, 'TxnOffsetCommit'],
    [34, 'EndTxn'],
    [4, 'FindCoordinator'],
    [18, 'Produce'],
  ])

const drawRule = (chance: Chance, frame: Frame, span: Span): TransactionFaultStep => {
  const api = drawApi(chance, frame.level)
  const named = chance.percent(30) && api !== 'FindCoordinator'
  const base = {
    api,
    at: chance.percent(55) ? ('before' as const) : ('after' as const),
    count: chance.pick([1, 1, 1, 2, 3, 12]),
    ...(named ? { transactionalId: chance.pick(frame.sessions).transactionalId } : {}),
  }
  const rule = (
    more: Partial<TransactionRulePlan>,
    isFinal = false,
    isFatal = false,
  ): TransactionFaultStep => ({
    ...span,
    kind: 'transactionRule',
    rule: { ...base, ...more },
    isFinal,
    isFatal,
  })
  return chance.weighted<() => TransactionFaultStep>([
    [
      24,
      () =>
        base.at === 'after' && api !== 'Produce' && api !== 'FindCoordinator'
          ? rule({ error: chance.pick(afterErrors) })
          : rule({ at: 'before', error: chance.pick(passingErrors[api]) }),
    ],
    [
      finalErrors[api].length === 0 ? 0 : 22,
      () => rule({ at: 'before', error: chance.pick(finalErrors[api]) }, true),
    ],
    // It does not say whether the coordinator did it.
    [api === 'EndTxn' ? 5 : 0, () => rule({ error: 'UNKNOWN_SERVER_ERROR', count: 1 })],
    [20, () => rule({ drop: true })],
    [24, () => rule({ close: true })],
    [20, () => rule({ delayMs: chance.pick([2, 30, 400, 1500, 4000]) })],
    [
      api === 'Produce' || api === 'FindCoordinator' ? 0 : 2,
      () =>
        rule(
          { at: 'before', error: 'TRANSACTIONAL_ID_AUTHORIZATION_FAILED', count: 1 },
          true,
          true,
        ),
    ],
  ])()
}

const drawFault = (chance: Chance, frame: Frame): TransactionFaultStep => {
  const atMs = chance.percent(20) ? 0 : chance.between(0, frame.durationMs)
  const span = { atMs, forMs: chance.pick([20, 300, 2000, 6000]) }
  const at = { atMs, forMs: 0 }
  const { transactionalId } = chance.pick(frame.sessions)
  const node = chance.between(1, frame.cluster.nodes)
  return chance.weighted<() => TransactionFaultStep>([
    [66, () => drawRule(chance, frame, span)],
    [14, () => ({ ...at, kind: 'moveCoordinator', of: 'transaction', key: transactionalId, node })],
    [
      6,
      () => ({
        ...at,
        kind: 'moveCoordinator',
        of: 'group',
        key: `group-${transactionalId}`,
        node,
      }),
    ],
    [10, () => ({ ...at, kind: 'abortTransaction', transactionalId })],
    [
      frame.cluster.versions === '4.4' && frame.level < 2 ? 12 : 0,
      () => ({ ...at, kind: 'upgrade' }),
    ],
  ])()
}

export const drawTransactionFaults = (chance: Chance, frame: Frame): TransactionFaultStep[] => {
  const count = chance.weighted([
    [4, chance.between(1, 2)],
    [4, chance.between(2, 6)],
    [2, chance.between(6, 14)],
  ])
  return Array.from({ length: count }, () => drawFault(chance, frame)).sort(
    (left, right) => left.atMs - right.atMs,
  )
}
