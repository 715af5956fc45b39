// Mutations of transactions: the simulator runs them with transactional seeds.

import { Coordinator, type CoordinatorCall } from '../../src/cluster-client/coordinator.ts'
import { TransactionRequests } from '../../src/cluster-client/transaction-requests.ts'
import { Batch } from '../../src/engine/batch/batch.ts'
import { ProducerIdentityState } from '../../src/engine/dispatch/producer-identity-state.ts'
import { EngineParts } from '../../src/engine/engine-parts.ts'
import type { ProducerIdentity, TransactionPort } from '../../src/engine/ports.ts'
import { CurrentTransaction } from '../../src/engine/transactions/current-transaction.ts'
import { TransactionManager } from '../../src/engine/transactions/transaction-manager.ts'
import { TransactionPartitions } from '../../src/engine/transactions/transaction-partitions.ts'
import { Transaction } from '../../src/producer/transaction.ts'
import { type ErrorKind, KafkaError, type Persisted } from '../../src/protocol/kafka-error.ts'
import { inGetter, inMethod, type Mutation, mutation } from './mutation.ts'

type End = TransactionPort['end']

/** Does something else where a refused epoch is probed under the one behind it. */
const inProbe = (what: string, probe: (requests: TransactionRequests, end: End) => End): Mutation =>
  mutation(what, (patches) => {
    const identities = new WeakMap<TransactionRequests, ProducerIdentity>()
    patches.method(
      TransactionRequests.prototype,
      'initProducerId',
      (original) =>
        function initProducerId(this: TransactionRequests, current, done) {
          original.call(this, current, (error, identity) => {
            if (identity !== null) identities.set(this, identity)
            done(error, identity)
          })
        },
    )
    patches.method(
      TransactionRequests.prototype,
      'end',
      (original) =>
        function end(this: TransactionRequests, scope, commit, done) {
          const isProbe = identities.get(this)?.epoch === scope.epoch - 1
          const checked: typeof done = (error, next) => {
            if (error === null) identities.set(this, next ?? scope)
            done(error, next)
          }
          const originalEnd: End = (...values) => original.apply(this, values)
          if (isProbe) probe(this, originalEnd)(scope, commit, checked)
          else originalEnd(scope, commit, checked)
        },
    )
  })

const changed = (error: KafkaError, kind: ErrorKind, persisted: Persisted): KafkaError =>
  new KafkaError(error.code, error.message, { ...error, kind, persisted })

/** A retriable error becomes another kind, in the calls that `isSelected` selects. */
const withoutRetry = (
  what: string,
  kind: ErrorKind,
  isSelected: (api: string) => boolean,
): Mutation =>
  inMethod(
    what,
    Coordinator,
    'call',
    (original) =>
      function call<Request, Response>(
        this: Coordinator,
        requested: CoordinatorCall<Request, Response>,
      ): void {
        const errorOf: typeof requested.errorOf = (response, broker) => {
          const error = requested.errorOf(response, broker)
          if (error === null || !error.retriable || !isSelected(requested.api.name)) return error
          return changed(error, kind, error.persisted)
        }
        const mutated: CoordinatorCall<Request, Response> = { ...requested, errorOf }
        original.call(this, mutated as unknown as CoordinatorCall<unknown, unknown>)
      },
  )

export const transactionMutations: Readonly<Record<string, Mutation>> = {
  'commit-does-not-wait': inMethod(
    'a commit does not wait for its records',
    EngineParts,
    'flush',
    () => (done) => {
      done()
      return () => {}
    },
  ),
  'failed-record-ignored': inMethod(
    'a record that failed does not fail its transaction',
    TransactionManager,
    'onRecordFailed',
    () => () => {},
  ),
  'lost-record-ignored': inMethod(
    'a record or offset that was refused or cancelled does not fail its transaction',
    TransactionManager,
    'onRecordLost',
    () => () => {},
  ),
  'partition-not-announced': inMethod(
    'version 1: records go out before their partition is announced',
    TransactionPartitions,
    'has',
    () => () => true,
  ),
  'partitions-stay-announced': inMethod(
    'version 1: a partition is announced once for all transactions',
    TransactionPartitions,
    'clear',
    () => () => {},
  ),
  'epoch-without-restart': inMethod(
    'a new epoch goes on with the numbers of the one before',
    ProducerIdentityState,
    'onIdentity',
    (original) =>
      function onIdentity(this: ProducerIdentityState, identity) {
        if (!this.ready) original.call(this, { ...identity })
        else Object.assign(this.identity, identity)
      },
  ),
  'next-epoch-ignored': inMethod(
    'version 2: the epoch of the next transaction is not taken',
    TransactionRequests,
    'end',
    (original) =>
      function end(this: TransactionRequests, scope, commit, done) {
        original.call(this, scope, commit, (error) => done(error, null))
      },
  ),
  'probe-under-our-epoch': inProbe(
    'a refused epoch is probed under itself',
    (_requests, end) => (scope, commit, done) =>
      end({ ...scope, epoch: scope.epoch - 1 }, commit, done),
  ),
  'probe-too-far': inProbe(
    'a refused epoch is probed two behind it',
    (_requests, end) => (scope, commit, done) =>
      end({ ...scope, epoch: scope.epoch + 1 }, commit, done),
  ),
  'probe-by-requesting-an-id': inProbe(
    'a refused epoch is probed by InitProducerId, which ends the successor’s transaction',
    (requests) => (scope, _commit, done) => requests.initProducerId(scope, done),
  ),
  'fence-ignored': inProbe(
    'a fenced producer takes it for a timeout',
    (_requests, end) => (scope, commit, done) =>
      end(scope, commit, (_error, next) => done(null, next)),
  ),
  'acknowledgement-forgotten': inMethod(
    'a timeout at the coordinator is taken for a fence',
    CurrentTransaction,
    'onAcknowledged',
    () => () => {},
  ),
  'abort-does-not-wait': inGetter(
    'an abort does not wait for what is in flight',
    EngineParts,
    'isDrained',
    () => () => true,
  ),
  'abort-leaves-records': inMethod(
    'an abort does not drop what was not sent',
    EngineParts,
    'failUnsent',
    () => () => {},
  ),
  'gap-not-recovered': inMethod(
    'a lost sequence number does not lead to a new epoch',
    ProducerIdentityState,
    'onGap',
    () => () => {},
  ),
  'offsets-not-sent': inMethod(
    'the offsets of a group are not sent',
    TransactionRequests,
    'sendOffsets',
    () => (_scope, _group, _offsets, done) => queueMicrotask(() => done(null)),
  ),
  'offsets-not-awaited': inMethod(
    'a commit does not wait for the offsets of a group',
    TransactionRequests,
    'sendOffsets',
    (original) =>
      function sendOffsets(this: TransactionRequests, scope, group, offsets, done) {
        original.call(this, scope, group, offsets, () => {})
        queueMicrotask(() => done(null))
      },
  ),
  'end-not-retried': withoutRetry(
    'the end of a transaction is requested once only',
    'rejected',
    (api) => api === 'EndTxn',
  ),
  'passing-taken-for-fatal': withoutRetry(
    'a retriable error ends the producer',
    'fatal',
    (api) => api !== 'EndTxn',
  ),
  'unknown-outcome-of-end-forgotten': inMethod(
    'a commit that may have been carried out says that it was not',
    TransactionRequests,
    'end',
    (original) =>
      function end(this: TransactionRequests, scope, commit, done) {
        original.call(this, scope, commit, (error, next) =>
          done(error === null ? null : changed(error, error.kind, 'no'), next),
        )
      },
  ),
  'abort-commits': inMethod(
    'an abort commits',
    TransactionRequests,
    'end',
    (original) =>
      function end(this: TransactionRequests, scope, _commit, done) {
        original.call(this, scope, true, done)
      },
  ),
  'batches-outside': inMethod(
    'batches do not say that they belong to a transaction',
    Batch,
    'writeHeader',
    (original) =>
      function writeHeader(this: Batch) {
        original.call(this, false)
      },
  ),
  'disposal-forgets-commit': inMethod(
    'a commit whose caller stopped waiting, and which fails, leaves the transaction open',
    Transaction,
    Symbol.asyncDispose,
    () =>
      async function dispose(this: Transaction) {
        await this.abort().catch(() => {})
      },
  ),
}
