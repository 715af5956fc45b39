// What the program of a run with transactions writes down: each transaction, what was sent in it,
// and what the program was told of its end.

import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Agenda } from './agenda.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Session } from './transaction-program.ts'
import type { TransactionWatch } from './transaction-watch.ts'

/** Offsets that a transaction was asked to bring. */
export interface OffsetsEntry {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly offset: number
  state: 'pending' | 'done' | 'failed'
}

/** What is to become of a transaction, by what the program was told. */
export type Fate =
  /** Never seen by anybody who reads committed records. */
  | 'absent'
  /** All of it is there. */
  | 'whole'
  /** Nobody said: all of it, or nothing. */
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
}

export interface SessionWorld {
  readonly watch: TransactionWatch

  readonly clock: VirtualClock
  readonly agenda: Agenda
  readonly ledger: Ledger
  readonly transactions: TransactionEntry[]
  note(text: string): void
  onOddity(text: string): void
  readonly maxBlockMs: number
  /** A number that stands for nothing else. */
  nextOrdinal(): number
  readonly firstTopic: string
}
