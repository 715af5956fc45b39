// The states of a transactional producer, and which may follow which. The manager owns the state;
// this file is the table.
//
//   uninitialized ─▶ initializing ─▶ ready ─▶ open ─▶ committing ─▶ ending ─▶ ready
//         ▲                                    │           │           │
//         └─── a new epoch is needed           ├─▶ failed ◀┴───────────┘
//                                              │      └──▶ aborting ─▶ ending ─▶ ready
//                                              └─▶ aborting
//   An epoch that a broker rejects, in any of them ─▶ probing ─▶ failed, aborting or fatal.

import { assert } from '../../runtime/assert.ts'

export type TransactionState =
  /** There is no producer id, or it needs a new epoch. */
  | 'uninitialized'
  | 'initializing'
  /** Between transactions. */
  | 'ready'
  | 'open'
  /** Something failed: it can only be aborted. */
  | 'failed'
  /** commit() was called, and records are still in flight. */
  | 'committing'
  /** abort() was called: waits for what is in flight, and sends nothing else. */
  | 'aborting'
  /** The coordinator was requested to end it. */
  | 'ending'
  /** A broker rejected our epoch: finds out whether the coordinator or another producer took it. */
  | 'probing'
  /** Fenced, or not authorized: this producer is done. */
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

/** A transaction is under way: another can't begin. */
export const isUnderWay = (state: TransactionState): boolean =>
  legalStates[state].includes('probing') || state === 'probing'

export const assertLegal = (from: TransactionState, to: TransactionState): void =>
  assert(legalStates[from].includes(to), `a transaction goes from ${from} to ${to}`)
