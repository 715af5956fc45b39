// What must hold of transactions when a run is over. Each check names what it found wrong; an empty
// list is a pass. The exemptions are here and nowhere else, each with its reason.

import type { TransactionView } from '../../src/in-process-cluster/transaction-coordinator.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { TransactionEntry } from './transaction-book.ts'
import type { Session } from './transaction-program.ts'
import type { TransactionWatch } from './transaction-watch.ts'

/** A record as a reader of committed records sees it. */
export interface SeenRecord {
  readonly id: number
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface TransactionEvidence {
  readonly ledger: Ledger
  readonly transactions: readonly TransactionEntry[]
  readonly sessions: readonly Session[]
  readonly seen: readonly SeenRecord[]
  /** By group: the offset that it committed last. */
  readonly committed: ReadonlyMap<string, number>
  readonly watch: TransactionWatch
  /** A fault made a coordinator reject a producer finally. */
  readonly wasRejected: boolean
  readonly left: readonly TransactionView[]
  /** Partitions whose readers are still held up. */
  readonly heldUp: readonly string[]
  readonly faults: number
  readonly endedAtMs: number
}

const name = ({ number, session }: TransactionEntry): string =>
  `transaction ${number} (p${session.number})`

const copies = ({ seen }: TransactionEvidence): ReadonlyMap<number, readonly SeenRecord[]> => {
  const byId = new Map<number, SeenRecord[]>()
  for (const record of seen) {
    const others = byId.get(record.id)
    if (others === undefined) byId.set(record.id, [record])
    else others.push(record)
  }
  return byId
}

/** Whole or not at all; once; what was aborted, nowhere. */
const atomic = (evidence: TransactionEvidence): string[] => {
  const byId = copies(evidence)
  const wrong: string[] = []
  const known = new Set<number>()
  for (const transaction of evidence.transactions) {
    const { records, fate } = transaction
    for (const { id } of records) known.add(id)
    const there = records.filter(({ id }) => byId.has(id))
    const list = (entries: readonly Entry[]): string => entries.map(({ id }) => id).join(' ')
    if (fate === 'absent' && there.length > 0) {
      wrong.push(`${name(transaction)} was not committed: records ${list(there)} are there`)
    }
    if (fate === 'whole' && there.length < records.length) {
      const missing = records.filter(({ id }) => !byId.has(id))
      wrong.push(`${name(transaction)} was committed: records ${list(missing)} are missing`)
    }
    if (fate === 'either' && there.length > 0 && there.length < records.length) {
      const missing = records.filter(({ id }) => !byId.has(id))
      wrong.push(`${name(transaction)} is there without records ${list(missing)}`)
    }
    for (const { id } of there) {
      if (byId.get(id)!.length > 1) wrong.push(`${name(transaction)}: record ${id} is there twice`)
    }
  }
  for (const { id } of evidence.seen) if (!known.has(id)) wrong.push(`record ${id} was never sent`)
  return wrong
}

/** What was acknowledged in it is at the reported offset. */
const whereReported = (evidence: TransactionEvidence): string[] => {
  const byId = copies(evidence)
  const wrong: string[] = []
  for (const transaction of evidence.transactions) {
    if (transaction.fate !== 'whole') continue
    for (const entry of transaction.records) {
      const { id, metadata, error } = entry
      if (error !== null) {
        wrong.push(`${name(transaction)} was committed: record ${id} had failed (${error.code})`)
      }
      const [place] = byId.get(id) ?? []
      if (metadata === null || place === undefined || metadata.offset < 0) continue
      if (place.partition === metadata.partition && place.offset === metadata.offset) continue
      const reported = `${metadata.partition} offset ${metadata.offset}`
      wrong.push(`record ${id} is at ${place.partition} offset ${place.offset}, not ${reported}`)
    }
    for (const { offset, state } of transaction.offsets) {
      if (state === 'failed') wrong.push(`${name(transaction)}: its offsets ${offset} had failed`)
    }
  }
  return wrong
}

/** The records of one producer stand in call order, per partition. */
const inOrder = ({ seen, transactions }: TransactionEvidence): string[] => {
  const wrong: string[] = []
  const sessionOf = new Map(
    transactions.flatMap(({ records, session }) => records.map(({ id }) => [id, session] as const)),
  )
  const newest = new Map<string, SeenRecord>()
  for (const record of [...seen].sort((left, right) => left.offset - right.offset)) {
    const place = `${record.topic}-${record.partition}/${sessionOf.get(record.id)?.number}`
    const before = newest.get(place)
    if (before !== undefined && before.id > record.id) {
      wrong.push(`record ${record.id} stands behind record ${before.id} in ${place}`)
    }
    newest.set(place, record)
  }
  return wrong
}

/** A group stands where the last committed transaction has put it. */
const offsetsMove = (evidence: TransactionEvidence): string[] => {
  const wrong: string[] = []
  const byId = copies(evidence)
  const entries = evidence.transactions.flatMap((transaction) =>
    transaction.offsets.map((offsets) => ({ transaction, ...offsets })),
  )
  for (const [group, offset] of evidence.committed) {
    const from = entries.find((entry) => entry.offset === offset)
    if (from === undefined) {
      wrong.push(`${group} stands at ${offset}, which was never sent`)
      continue
    }
    const { transaction } = from
    if (transaction.fate === 'absent') {
      wrong.push(`${group} stands at ${offset} by ${name(transaction)}, which was not committed`)
    }
    const missing = transaction.records.filter(({ id }) => !byId.has(id))
    if (missing.length > 0) wrong.push(`${group} stands at ${offset} without its records`)
  }
  for (const group of new Set(entries.map((entry) => entry.group))) {
    const mine = entries.filter(
      (entry) => entry.group === group && entry.transaction.fate === 'whole',
    )
    const stands = evidence.committed.get(group)
    // What one producer brought is in order; of several, any may have come last.
    const isLast = mine.some(({ offset }) => offset === stands)
    const open = entries.some(
      (entry) =>
        entry.group === group && entry.transaction.fate === 'either' && entry.offset === stands,
    )
    if (mine.length > 0 && !isLast && !open) {
      wrong.push(`${group} stands at ${stands}: none of its committed transactions put it there`)
    }
    for (const session of new Set(mine.map(({ transaction }) => transaction.session))) {
      const own = mine.filter(({ transaction }) => transaction.session === session)
      const last = own.at(-1)!
      if (own.some(({ offset }) => offset === stands) && stands !== last.offset) {
        wrong.push(`${group} stands at ${stands}, not at ${last.offset}`)
      }
    }
  }
  return wrong
}

/**
 * The producer ends where the coordinator does not report whether it committed, or which producer
 * uses the epoch. A producer id that it does not know counts if an earlier attempt had no response.
 */
const isEndOutcomeUnknown = ({ api, persisted, brokerError }: KafkaError): boolean =>
  api === 'EndTxn' &&
  (brokerError === 'UNKNOWN_SERVER_ERROR' ||
    (brokerError === 'INVALID_PRODUCER_ID_MAPPING' && persisted === 'maybe'))

/**
 * Fenced only where another producer took over. Exempt is a producer of whose transaction nothing
 * was acknowledged when the coordinator ended it, and (version 1) one that requested the end, had
 * no response, and repeated it: neither can tell one from the other.
 */
const fencedRightly = ({ sessions, watch, wasRejected }: TransactionEvidence): string[] => {
  const wrong: string[] = []
  for (const session of sessions) {
    const [fatal] = session.fatals
    if (fatal === undefined || wasRejected) continue
    const { error, wasAcknowledged, wasFenced, isVersion1 } = fatal
    const mayHaveEnded = isVersion1 && error.api === 'EndTxn' && error.persisted === 'maybe'
    const isFence = error.code === 'FENCED'
    if (isEndOutcomeUnknown(error)) continue
    const { clientId, plan, startedAtMs, number } = session
    if (isFence && watch.tookOver(plan.transactionalId, clientId, startedAtMs)) continue
    if (isFence && wasFenced && (!wasAcknowledged || mayHaveEnded)) continue
    wrong.push(`p${number} is done: ${error.message}`)
  }
  return wrong
}

const nothingHangs = ({ left, heldUp }: TransactionEvidence): string[] => [
  ...left
    .filter(({ state }) => state === 'Ongoing' || state.startsWith('Prepare'))
    .map(({ transactionalId, state }) => `${transactionalId} is ${state} at the end`),
  ...heldUp.map((partition) => `the readers of ${partition} are held up at the end`),
]

/** Requests to coordinators: some for each transaction and fault, and what the backoff allows. */
const requestsAreBounded = (evidence: TransactionEvidence): string[] => {
  const { watch, transactions, faults, sessions, endedAtMs } = evidence
  const bound = 100 + 60 * (transactions.length + faults) + (sessions.length * endedAtMs) / 40
  return watch.requests <= bound
    ? []
    : [`${watch.requests} requests to coordinators in ${endedAtMs} ms`]
}

const settled = ({ ledger, sessions }: TransactionEvidence): string[] => [
  ...ledger.unsettled.map(({ id }) => `record ${id} was never settled`),
  ...ledger.oddities,
  ...sessions.flatMap(({ pending, number }) =>
    [...pending].map((call) => `p${number}: ${call} has not come back`),
  ),
]

/** A producer that was replaced leaves its successor in peace. */
const successorInPeace = ({ watch }: TransactionEvidence): string[] => watch.disturbed

export const transactionChecks: Readonly<
  Record<string, (evidence: TransactionEvidence) => string[]>
> = {
  settled,
  atomic,
  'at the reported offset': whereReported,
  'in order': inOrder,
  'offsets move': offsetsMove,
  'fenced rightly': fencedRightly,
  'successor in peace': successorInPeace,
  'nothing hangs': nothingHangs,
  'requests are bounded': requestsAreBounded,
}
