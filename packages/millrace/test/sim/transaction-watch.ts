// Looks on at the transactions of a run: when a producer was acknowledged anything, when the
// coordinator ended a transaction over its producer's head, and which requests were for a producer
// id. A checker needs it to decide whether a producer was fenced rightly.

import { TransactionRequests } from '../../src/cluster-client/transaction-requests.ts'
import { ProduceInFlight } from '../../src/engine/dispatch/produce-in-flight.ts'
import type { RequestView } from '../../src/in-process-cluster/faults.ts'
import { TransactionCoordinator } from '../../src/in-process-cluster/transaction-coordinator.ts'
import {
  type ProducerIdentity,
  Transaction,
} from '../../src/in-process-cluster/transaction-entry.ts'
import type { ProduceRequest } from '../../src/protocol/api/00-produce.ts'
import type { InitProducerIdRequest } from '../../src/protocol/api/22-init-producer-id.ts'
import type { AddPartitionsToTxnRequest } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import type { EndTxnRequest } from '../../src/protocol/api/26-end-txn.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { decodeBatchHeader } from '../../src/protocol/records/record-batch.ts'
import type { Patches } from './patch.ts'

interface Moment {
  readonly atMs: number
}

interface Takeover extends Moment {
  readonly transactionalId: string
  readonly clientId: string
}

const apis: ReadonlySet<string> = new Set([
  'InitProducerId',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'TxnOffsetCommit',
  'EndTxn',
  'FindCoordinator',
])

/** `id/epoch` of the producer that a request is of; null where it names none. */
const identityOf = (api: string, body: unknown): string | null => {
  if (api === 'Produce') {
    const { topicData } = body as ProduceRequest
    const records = topicData[0]?.partitionData[0]?.records
    if (records === undefined || records === null) return null
    const { producerId, producerEpoch } = decodeBatchHeader(records)
    return `${producerId}/${producerEpoch}`
  }
  if (api === 'AddPartitionsToTxn') {
    const request = body as AddPartitionsToTxnRequest
    return `${request.v3AndBelowProducerId}/${request.v3AndBelowProducerEpoch}`
  }
  if (api !== 'TxnOffsetCommit' && api !== 'AddOffsetsToTxn') return null
  const { producerId, producerEpoch } = body as { producerId: ProducerId; producerEpoch: number }
  return `${producerId}/${producerEpoch}`
}

interface Note {
  now(): number
  trace(text: string): void
}

export class TransactionWatch {
  readonly #world: Note
  readonly #inits: Takeover[] = []
  readonly #given: (Moment & { readonly transactionalId: string; readonly identity: string })[] = []
  readonly #fences: (Moment & { readonly transactionalId: string })[] = []
  /** Clients of whose transaction of the moment a broker acknowledged something. */
  readonly #acknowledged = new Set<string>()
  /** Clients that added something to their transaction of the moment by itself, as in version 1. */
  readonly #version1 = new Set<string>()
  /** `id/epoch` that the coordinator gave to a producer that requested it. */
  readonly #identities = new Set<string>()
  /** By `id/epoch`: the client that has it. */
  readonly #clients = new Map<string, string>()
  /** Requests for an id under an earlier epoch. */
  #initBy: ProducerIdentity | null = null
  /** A producer that was replaced had its successor's transaction aborted. */
  readonly disturbed: string[] = []
  /** How many requests the coordinators of transactions received, by api. */
  requests = 0

  constructor(world: Note) {
    this.#world = world
  }

  /** A node got a request. */
  onRequest({ api, transactionalIds, clientId, body }: RequestView): void {
    const client = clientId ?? ''
    const identity = identityOf(api, body)
    if (identity !== null) this.#clients.set(identity, client)
    if (!apis.has(api)) return
    this.requests++
    if (api === 'AddPartitionsToTxn' || api === 'AddOffsetsToTxn') this.#version1.add(client)
    if (api === 'EndTxn') {
      // A producer whose EndTxn succeeds may continue under the epoch that it named.
      const { producerId, producerEpoch } = body as EndTxnRequest
      this.#identities.add(`${producerId}/${producerEpoch}`)
    }
    if (api === 'InitProducerId') {
      // A producer that names its own epoch takes nothing over.
      if ((body as InitProducerIdRequest).producerId !== -1) return
      for (const transactionalId of transactionalIds) {
        this.#inits.push({ atMs: this.#world.now(), transactionalId, clientId: client })
      }
    }
  }

  /** Another client requested a producer id of the transactional id since then, or got it then. */
  tookOver(transactionalId: string, clientId: string, sinceMs: number): boolean {
    const others = this.#inits.filter(
      (init) => init.transactionalId === transactionalId && init.clientId !== clientId,
    )
    const isGiven = this.#given.some(
      (given) =>
        given.transactionalId === transactionalId &&
        given.atMs >= sinceMs &&
        this.#clients.get(given.identity) !== clientId,
    )
    return others.some(({ atMs }) => atMs >= sinceMs || isGiven)
  }

  /** The coordinator ended a transaction of the id by itself since then. */
  wasFenced(transactionalId: string, sinceMs: number): boolean {
    return this.#fences.some(
      (fence) => fence.transactionalId === transactionalId && fence.atMs >= sinceMs,
    )
  }

  /** A transaction begins: what was acknowledged of the one before counts no more. */
  onBegun(clientId: string): void {
    this.#acknowledged.delete(clientId)
    this.#version1.delete(clientId)
  }

  /**
   * The client's transaction follows version 1 of the protocol: also in a cluster of version 2,
   * where a broker closed the connection instead of sending its features.
   */
  isVersion1(clientId: string): boolean {
    return this.#version1.has(clientId)
  }

  /** A broker acknowledged something of the client's transaction. */
  wasAcknowledgedTo(clientId: string): boolean {
    return this.#acknowledged.has(clientId)
  }

  #ack(producerId: ProducerId, epoch: number): void {
    const client = this.#clients.get(`${producerId}/${epoch}`)
    if (client !== undefined) this.#acknowledged.add(client)
  }

  install(patches: Patches): void {
    this.#watchCoordinator(patches)
    this.#watchAcknowledgements(patches)
    this.#traceRequests(patches)
  }

  #watchCoordinator(patches: Patches): void {
    const watch = this
    patches.method(
      TransactionCoordinator.prototype,
      'initialize',
      (original) =>
        function initialize(this: TransactionCoordinator, nodeId, id, timeoutMs, expected) {
          watch.#initBy = expected
          const outcome = original.call(this, nodeId, id, timeoutMs, expected)
          watch.#initBy = null
          const identity = `${outcome.producerId}/${outcome.epoch}`
          watch.#identities.add(identity)
          if (expected === null && outcome.errorCode === 0) {
            watch.#given.push({ atMs: watch.#world.now(), transactionalId: id, identity })
          }
          return outcome
        },
    )
    const { trace } = this.#world
    patches.method(
      Transaction.prototype,
      'fence',
      (original) =>
        function fence(this: Transaction, level, newProducerId) {
          trace(`fence    ${this.id}: epoch ${this.epoch} is ended by the coordinator`)
          const by = watch.#initBy
          // A producer that begins anew names its last epoch (KIP-360): that may come too late.
          const identity = `${by?.producerId}/${by?.epoch}`
          const isBeginning = watch.#identities.has(identity) || watch.#clients.has(identity)
          if (by !== null && !isBeginning && by.epoch < this.epoch) {
            watch.disturbed.push(`epoch ${by.epoch} had epoch ${this.epoch} of ${this.id} aborted`)
          }
          watch.#fences.push({ atMs: watch.#world.now(), transactionalId: this.id })
          original.call(this, level, newProducerId)
        },
    )
    patches.method(
      Transaction.prototype,
      'prepare',
      (original) =>
        function prepare(this: Transaction, isCommit, level, newProducerId) {
          const word = isCommit ? 'commit' : 'abort'
          trace(`prepare  ${this.id}: ${word} of id ${this.producerId} epoch ${this.epoch}`)
          original.call(this, isCommit, level, newProducerId)
        },
    )
  }

  #watchAcknowledgements(patches: Patches): void {
    const watch = this
    const { trace } = this.#world
    patches.method(
      ProduceInFlight.prototype,
      'onResponse',
      (original) =>
        function onResponse(this: ProduceInFlight, response) {
          const isStored = response?.responses.some(({ partitionResponses }) =>
            partitionResponses.some(({ errorCode }) => errorCode === 0),
          )
          if (isStored)
            for (const { producerId, epoch } of this.batches) watch.#ack(producerId, epoch)
          original.call(this, response)
        },
    )
    patches.method(
      TransactionRequests.prototype,
      'addPartitions',
      (original) =>
        function addPartitions(this: TransactionRequests, scope, partitions, done) {
          original.call(this, scope, partitions, (error) => {
            if (error === null) watch.#ack(scope.producerId, scope.epoch)
            trace(`response AddPartitionsToTxn: ${error?.message ?? 'done'}`)
            done(error)
          })
        },
    )
    patches.method(
      TransactionRequests.prototype,
      'sendOffsets',
      (original) =>
        function sendOffsets(this: TransactionRequests, scope, group, offsets, done) {
          original.call(this, scope, group, offsets, (error) => {
            if (error === null) watch.#ack(scope.producerId, scope.epoch)
            trace(`response offsets: ${error?.message ?? 'done'}`)
            done(error)
          })
        },
    )
  }

  #traceRequests(patches: Patches): void {
    const { trace } = this.#world
    patches.method(
      TransactionRequests.prototype,
      'initProducerId',
      (original) =>
        function initProducerId(this: TransactionRequests, current, done) {
          trace(`init     from id ${current.producerId} epoch ${current.epoch}`)
          original.call(this, current, (error, identity) => {
            const result =
              identity === null ? error?.message : `id ${identity.producerId} ${identity.epoch}`
            trace(`response InitProducerId: ${result}`)
            done(error, identity)
          })
        },
    )
    patches.method(
      TransactionRequests.prototype,
      'end',
      (original) =>
        function end(this: TransactionRequests, scope, commit, done) {
          trace(`end      ${commit ? 'commit' : 'abort'} id ${scope.producerId} ${scope.epoch}`)
          original.call(this, scope, commit, (error, next) => {
            trace(`response EndTxn: ${error?.message ?? 'done'}`)
            done(error, next)
          })
        },
    )
  }
}
