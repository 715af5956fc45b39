// What the program of a run with transactions writes down: each transaction, what was sent in it,
// and the outcome that the program received.

import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Agenda } from './agenda.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Session } from './transaction-program.ts'
import type { TransactionWatch } from './transaction-watch.ts'

/** Offsets that a caller added to a transaction. */
export interface OffsetsEntry {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  state: 'pending' | 'done' | 'failed'
}

/** The expected end of a transaction, by the outcome that the program received. */
export type Fate =
  /** Never seen by a reader of committed records. */
  | 'absent'
  /** All of it is there. */
  | 'whole'
  /** Unknown: all of it, or nothing. */
  | 'either'

export interface TransactionEntry {
  readonly number: number
  readonly session: Session
  readonly begunAtMs: number
  readonly records: Entry[]
  readonly offsets: OffsetsEntry[]
  fate: Fate
  /** When its fate was known, in order over all transactions. */
  decidedOrdinal: number
}

/** An error that ends the producer, and what was known when it came. */
export interface Fatal {
  readonly error: KafkaError
  /** Something of the transaction was acknowledged. */
  readonly wasAcknowledged: boolean
  /** The coordinator ended the transaction by itself. */
  readonly wasFenced: boolean
  /** The transaction followed version 1 of the protocol. */
  readonly isVersion1: boolean
}

export interface SessionWorld {
  readonly watch: TransactionWatch

  readonly clock: VirtualClock
  readonly agenda: Agenda
  readonly ledger: Ledger
  readonly transactions: TransactionEntry[]
  trace(text: string): void
  onOddity(text: string): void
  readonly maxBlockMs: number
  /** A number that stands for nothing else. */
  nextOrdinal(): number
  readonly firstTopic: string
}
