// Owns the states of a transactional producer and their legal transitions. CurrentTransaction has
// the state.
//
//   uninitialized ─▶ initializing ─▶ ready ─▶ open ─▶ committing ─▶ ending ─▶ ready
//         ▲                                    │           │           │
//         └─── a new epoch is needed           ├─▶ failed ◀┴───────────┘
//                                              │      └──▶ aborting ─▶ ending ─▶ ready
//                                              └─▶ aborting
//   An epoch that a broker rejects, in any of them ─▶ probing ─▶ failed, aborting or fatal.
//
// Callers: CurrentTransaction, TransactionEvents. Invariant: other transitions throw.

import { assert } from '../../runtime/assert.ts'

export type TransactionState =
  /** There is no producer id, or a new epoch is needed. */
  | 'uninitialized'
  | 'initializing'
  /** Between transactions. */
  | 'ready'
  | 'open'
  /** A record or request failed: it can only be aborted. */
  | 'failed'
  /** commit() was called, and records are still in flight. */
  | 'committing'
  /** abort() was called: waits for requests in flight, and sends nothing else. */
  | 'aborting'
  /** EndTxn was sent to the coordinator. */
  | 'ending'
  /** A broker rejected the epoch: checks whether the coordinator or another producer used it. */
  | 'probing'
  /** Fenced, or not authorized: this producer cannot continue. */
  | 'fatal'

export const legalStates: Readonly<Record<TransactionState, readonly TransactionState[]>> = {
  uninitialized: ['initializing', 'fatal'],
  initializing: ['ready', 'uninitialized', 'fatal'],
  ready: ['open', 'uninitialized', 'fatal'],
  open: ['committing', 'aborting', 'failed', 'probing', 'fatal'],
  failed: ['aborting', 'probing', 'fatal'],
  committing: ['ending', 'ready', 'uninitialized', 'failed', 'probing', 'fatal'],
  aborting: ['ending', 'ready', 'uninitialized', 'probing', 'fatal'],
  ending: ['ready', 'uninitialized', 'failed', 'probing', 'fatal'],
  probing: ['failed', 'aborting', 'fatal'],
  fatal: [],
}

/** A transaction is in progress: another cannot begin. */
export const isOngoing = (state: TransactionState): boolean =>
  legalStates[state].includes('probing') || state === 'probing'

export const assertLegal = (from: TransactionState, to: TransactionState): void =>
  assert(legalStates[from].includes(to), `a transaction goes from ${from} to ${to}`)
