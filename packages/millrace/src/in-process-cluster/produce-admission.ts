// Checks before a Produce request is carried out to which partitions its transaction may write
// (KIP-890): the first batch of a transaction in a partition is accepted only if the coordinator
// knows the partition. Up to version 11 the client must have added it (AddPartitionsToTxn). From
// version 12 on the leader adds it, and waits for a short time while the previous transaction is
// ending. Caller: 00-produce.ts.

import { errorNumber } from '../protocol/errors.ts'
import { batchHeaderBytes } from '../protocol/records/layout.ts'
import { type BatchHeader, decodeBatchHeader } from '../protocol/records/record-batch.ts'
import type { Timer } from '../runtime/clock.ts'
import type { NodeContext } from './api/handler.ts'
import type { Partition } from './topic.ts'
import type { ProducerIdentity } from './transaction-entry.ts'

/** The records that a request wants to write to one partition. */
export interface Candidate {
  readonly partition: Partition
  readonly records: Uint8Array | null
}

export interface Denial {
  readonly code: number
  readonly message: string | null
}

/** Why a partition must not be written; the other partitions may be. */
export type Denials = ReadonlyMap<Partition, Denial>

/** From this version on, clients know TRANSACTION_ABORTABLE. */
const abortableSince = 11
/** From this version on, the leader adds partitions to transactions. */
const addsSince = 12

/** Kafka's add.partitions.to.txn.retry.backoff.ms and .max.ms. */
const retryMs = 20
const retryMsMax = 100

/**
 * Errors that older clients may not expect; these clients retry after the error that replaces them.
 */
const transientCodes: readonly number[] = [
  errorNumber.COORDINATOR_LOAD_IN_PROGRESS,
  errorNumber.COORDINATOR_NOT_AVAILABLE,
  errorNumber.NOT_COORDINATOR,
]

interface TransactionalBatch {
  readonly partition: Partition
  readonly header: BatchHeader
}

const headerOf = (records: Uint8Array | null): BatchHeader | null => {
  if (records === null || records.byteLength < batchHeaderBytes) return null
  try {
    return decodeBatchHeader(records)
  } catch {
    return null
  }
}

export class ProduceAdmission {
  readonly #node: NodeContext
  readonly #transactionalId: string | null
  readonly #version: number
  readonly #batches: TransactionalBatch[] = []
  #timer: Timer | null = null

  constructor(node: NodeContext, transactionalId: string | null, version: number) {
    this.#node = node
    this.#transactionalId = transactionalId
    this.#version = version
  }

  /**
   * Why the whole request is rejected; 0 = it is not. The candidates are the partitions that this
   * node leads.
   */
  load(candidates: readonly Candidate[]): number {
    const identities = new Set<string>()
    for (const { partition, records } of candidates) {
      const header = headerOf(records)
      if (header?.transactional !== true) continue
      if (this.#transactionalId === null) return errorNumber.TRANSACTIONAL_ID_AUTHORIZATION_FAILED
      if (header.producerId < 0) continue
      identities.add(`${header.producerId} ${header.producerEpoch}`)
      this.#batches.push({ partition, header })
    }
    return identities.size > 1 ? errorNumber.INVALID_PRODUCER_ID_MAPPING : 0
  }

  /** Calls `callback` once, at once or later; never after `cancel`. */
  verify(callback: (denials: Denials) => void): void {
    this.#verify(callback, retryMsMax)
  }

  cancel(): void {
    this.#timer?.cancel()
  }

  get #adds(): boolean {
    return this.#version >= addsSince
  }

  #verify(callback: (denials: Denials) => void, leftMs: number): void {
    const denials = new Map<Partition, Denial>()
    const unverified: TransactionalBatch[] = []
    for (const batch of this.#batches) {
      const { partition, header } = batch
      const { producerId, producerEpoch } = header
      if (partition.producers.isStale(producerId, producerEpoch)) {
        denials.set(partition, {
          code: errorNumber.INVALID_PRODUCER_EPOCH,
          message: `Epoch ${producerEpoch} of producer ${producerId} is no longer the newest`,
        })
      } else if (!partition.producers.isOpen(producerId, producerEpoch)) {
        partition.producers.addVerification(header, this.#adds)
        unverified.push(batch)
      }
    }
    const codes = this.#codesOf(unverified)
    const isConcurrent = [...codes.values()].includes(errorNumber.CONCURRENT_TRANSACTIONS)
    if (isConcurrent && this.#adds && leftMs > 0) {
      this.#timer = this.#node.state.clock.setTimer(retryMs, () =>
        this.#verify(callback, leftMs - retryMs),
      )
      return
    }
    for (const [partition, code] of codes) {
      if (code !== 0) denials.set(partition, this.#denial(code))
    }
    callback(denials)
  }

  /** The coordinator's error code for each partition. */
  #codesOf(batches: readonly TransactionalBatch[]): ReadonlyMap<Partition, number> {
    const { transactions, transactionSettings } = this.#node
    const first = batches[0]
    const id = this.#transactionalId
    const isVerified = this.#adds || transactionSettings.verifies
    if (first === undefined || id === null || !isVerified) return new Map()
    const by: ProducerIdentity = {
      producerId: first.header.producerId,
      epoch: first.header.producerEpoch,
    }
    const partitions = batches.map(({ partition }) => ({
      topic: partition.topic.name,
      partition: partition.index,
    }))
    const problem = transactions.problemInside(id)
    const ofAll = this.#adds
      ? problem || transactions.add(id, by, { partitions, groups: [] }, 2)
      : problem
    return new Map(
      batches.map(({ partition }, index) => {
        if (this.#adds || ofAll !== 0) return [partition, ofAll]
        const place = { partitions: [partitions[index]!], groups: [] }
        return [partition, transactions.verify(id, by, place)]
      }),
    )
  }

  #denial(code: number): Denial {
    switch (code) {
      case errorNumber.PRODUCER_FENCED:
        return { code: errorNumber.INVALID_PRODUCER_EPOCH, message: null }
      case errorNumber.TRANSACTION_ABORTABLE:
        return this.#version >= abortableSince
          ? { code, message: null }
          : {
              code: errorNumber.INVALID_TXN_STATE,
              message: 'Partition was not added to the transaction',
            }
      default: {
        const isTransient =
          transientCodes.includes(code) ||
          (code === errorNumber.CONCURRENT_TRANSACTIONS && !this.#adds)
        if (!isTransient) return { code, message: null }
        return {
          code: errorNumber.NOT_ENOUGH_REPLICAS,
          message:
            'Unable to verify the partition has been added to the transaction. ' +
            `Underlying error: ${code}`,
        }
      }
    }
  }
}
