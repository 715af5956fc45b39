// What must hold when a run is over. Each check names the records it found wrong; an empty list
// is a pass. The exemptions are here and nowhere else, each with its reason.

import type { ProducerMetrics } from '../../src/producer/metrics.ts'
import { claimsHold, keysAreInTheirPartition } from './decision-checks.ts'
import type { Append, Journal } from './journal.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'

export interface Evidence {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly journal: Journal
  readonly metrics: ProducerMetrics
  readonly faults: number
  /** Connections that a node closed of its own, for a reason of its own. */
  readonly closedByNodes: number
  readonly stalledMs: number
  readonly endedAtMs: number
}

export interface Guarantees {
  readonly idempotent: boolean
  readonly acks: -1 | 0 | 1
}

export const guaranteesOf = ({ options }: Plan): Guarantees => {
  const acks = options.acks === 0 || options.acks === 1 ? options.acks : -1
  return { acks, idempotent: options.idempotent ?? acks === -1 }
}

const describe = (entry: Entry): string =>
  `record ${entry.id} (${entry.call} to ${entry.plan.topic}, at ${entry.calledAtMs} ms)`

const copiesOf = (journal: Journal, entry: Entry): readonly Append[] =>
  journal.byId.get(entry.id) ?? []

/** Each record that was taken is settled, once. */
const settledOnce = ({ ledger }: Evidence): string[] => [
  ...ledger.unsettled.map((entry) => `${describe(entry)} was never settled`),
  ...ledger.oddities,
]

/**
 * Nothing was ever lost or failed on the way with acks 0: then it promises what the others do. A
 * node that rejects a record can only close, perhaps when the producer is gone already.
 */
const wentSmoothly = ({ metrics, faults, closedByNodes }: Evidence): boolean =>
  faults === 0 && closedByNodes === 0 && metrics.connectionFailures === 0

/** A success was reported: the record is in the log at the reported offset. */
const ackedIsInLog = (evidence: Evidence): string[] => {
  const { ledger, journal, plan } = evidence
  const { acks } = guaranteesOf(plan)
  const wrong: string[] = []
  for (const entry of ledger.entries) {
    const { metadata } = entry
    if (metadata === null) continue
    const copies = copiesOf(journal, entry)
    // With acks 0 only the handover of the bytes is known.
    if (copies.length === 0) {
      if (acks !== 0 || wentSmoothly(evidence))
        wrong.push(`${describe(entry)} was acked: not in the log`)
      continue
    }
    if (metadata.topic !== entry.plan.topic)
      wrong.push(`${describe(entry)}: topic ${metadata.topic}`)
    if (metadata.offset < 0) {
      // Only where the broker names none: no response, or a "duplicate" one.
      if (acks !== 0 && !plan.cluster.tellsDuplicates)
        wrong.push(`${describe(entry)} has no offset`)
      continue
    }
    // In a topic that was created again a record may have the same offset.
    const there = copies.filter(
      ({ partition, offset }) => partition === metadata.partition && offset === metadata.offset,
    )
    const where = `${metadata.partition} offset ${metadata.offset}`
    if (there.length === 0) {
      wrong.push(`${describe(entry)} was acked at ${where}: it is not there`)
    } else if (!there.some(({ timestamp }) => timestamp === metadata.timestamp)) {
      const { timestamp } = there[0]!
      wrong.push(`${describe(entry)}: timestamp ${metadata.timestamp}, in the log ${timestamp}`)
    }
  }
  return wrong
}

/** Key, value and partition in the log are what was passed; the sizes reported are right. */
const contentIsWhole = ({ ledger, journal }: Evidence): string[] => {
  const wrong: string[] = []
  for (const append of journal.appends) {
    const entry = ledger.entries[append.id]
    if (entry === undefined) {
      wrong.push(`the log has a record that was never sent, at offset ${append.offset}`)
      continue
    }
    const { plan, record } = entry
    if (append.valueText !== ledger.expectedValue(entry))
      wrong.push(`${describe(entry)}: its value`)
    if (append.keyText !== (record.key ?? null)) wrong.push(`${describe(entry)}: its key`)
    if (
      append.topic !== plan.topic ||
      (plan.partition >= 0 && append.partition !== plan.partition)
    ) {
      wrong.push(`${describe(entry)} is in ${append.topic}-${append.partition}`)
    }
  }
  for (const entry of ledger.entries) {
    const { metadata, record } = entry
    if (metadata === null) continue
    const valueBytes = ledger.expectedValue(entry)?.length ?? -1
    const keyBytes = typeof record.key === 'string' ? record.key.length : -1
    if (metadata.valueBytes !== valueBytes || metadata.keyBytes !== keyBytes) {
      wrong.push(`${describe(entry)}: sizes ${metadata.keyBytes} and ${metadata.valueBytes}`)
    }
  }
  return wrong
}

/**
 * `persisted: 'no'` is certain; and it is reported whenever no byte of the record reached a socket.
 */
const persistedIsTrue = ({ ledger, journal }: Evidence): string[] => {
  const wrong: string[] = []
  for (const entry of ledger.entries) {
    const copies = copiesOf(journal, entry)
    if (!entry.taken && copies.length > 0)
      wrong.push(`${describe(entry)} was not taken: in the log`)
    const { error } = entry
    if (error === null) continue
    if (error.persisted === 'no' && copies.length > 0) {
      wrong.push(`${describe(entry)} failed with ${error.code}, persisted no: it is in the log`)
    }
    if (error.persisted === 'maybe' && !entry.reachedSocket) {
      wrong.push(`${describe(entry)} failed with ${error.code}, persisted maybe: it never left`)
    }
  }
  return wrong
}

interface Duplicate {
  readonly entry: Entry | undefined
  readonly before: Append
  readonly copy: Append
}

const duplicatesOf = ({ journal, ledger }: Evidence): Duplicate[] => {
  const found: Duplicate[] = []
  for (const [id, copies] of journal.byId) {
    for (const [index, copy] of copies.entries()) {
      const before = copies
        .slice(0, index)
        .find(({ life, topic }) => life === copy.life && topic === copy.topic)
      if (before !== undefined) found.push({ entry: ledger.entries[id], before, copy })
    }
  }
  return found
}

/** The partition could not know the second one again. */
const wasForgotten = (journal: Journal, { before, copy }: Duplicate): boolean =>
  journal.forgotWithin(copy.topic, copy.partition, before.atMs, copy.atMs)

/**
 * A record before it, in the log and in the epoch, was forgotten, sent again and then rejected: a
 * broker that remembers would have nothing in its log behind what it rejects.
 */
const wasBehindForgotten = (
  journal: Journal,
  { before, copy }: Duplicate,
  forgotten: readonly Duplicate[],
): boolean =>
  forgotten.some(
    (other) =>
      other.before.topic === before.topic &&
      other.before.partition === before.partition &&
      other.before.life === before.life &&
      other.before.producerId === before.producerId &&
      other.before.epoch === before.epoch &&
      other.before.ordinal < before.ordinal &&
      other.copy.ordinal > before.ordinal &&
      other.copy.ordinal < copy.ordinal &&
      journal.forgotWithin(before.topic, before.partition, other.before.atMs, before.atMs),
  )

/**
 * Idempotent: in each life of a topic once at most. Exempt is a record whose partition forgot its
 * producers between the two copies: no broker can know the second one again. Exempt, too, is one
 * that stands behind a batch that a forgetful partition rejected: either its first copy was taken
 * on a leap over that batch, or that batch is in the log and was forgotten. By a broker's rules
 * nothing behind a rejected batch is in the log, and it is sent under a new number.
 */
const noDuplicates = (evidence: Evidence): string[] => {
  if (!guaranteesOf(evidence.plan).idempotent) return []
  const { journal } = evidence
  const duplicates = duplicatesOf(evidence)
  const forgotten = duplicates.filter((duplicate) => wasForgotten(journal, duplicate))
  return duplicates
    .filter((duplicate) => !duplicate.before.leapt && !wasForgotten(journal, duplicate))
    .filter((duplicate) => !wasBehindForgotten(journal, duplicate, forgotten))
    .flatMap(({ entry }) => (entry === undefined ? [] : `${describe(entry)} is in the log twice`))
}

/**
 * Idempotent: first copies stand in call order. Exempt is a record that was overtaken on a leap by
 * the first batch that its partition took after it had forgotten its producers (it takes any), and
 * one that failed (persisted maybe) under a producer id that is not used any more.
 */
const orderOfFirstCopies = ({ journal, ledger }: Evidence): string[] => {
  const wrong: string[] = []
  const places = new Map<string, { readonly seen: Set<number>; readonly firsts: Append[] }>()
  for (const append of journal.appends) {
    const place = `${append.topic}-${append.partition}/${append.life}`
    const { seen, firsts } = places.get(place) ?? { seen: new Set(), firsts: [] }
    places.set(place, { seen, firsts })
    const entry = ledger.entries[append.id]
    if (entry === undefined || seen.has(append.id)) continue
    seen.add(append.id)
    const overtaker = firsts.find(({ id }) => id > append.id)
    firsts.push(append)
    if (overtaker === undefined || overtaker.leapt) continue
    if (entry.error !== null && append.producerId !== overtaker.producerId) continue
    wrong.push(`${describe(entry)} stands behind record ${overtaker.id} in ${place}`)
  }
  return wrong
}

/**
 * Not idempotent: the acknowledged copies stand in call order. A copy whose response was lost may
 * come at any time, which no producer without numbers can help.
 */
const orderOfAckedCopies = (evidence: Evidence): string[] => {
  const { journal, ledger } = evidence
  const wrong: string[] = []
  const newest = new Map<string, Entry>()
  for (const entry of ledger.entries) {
    const { metadata } = entry
    if (metadata === null || metadata.offset < 0) continue
    const copy = copiesOf(journal, entry).find(
      ({ partition, offset }) => partition === metadata.partition && offset === metadata.offset,
    )
    if (copy === undefined) continue
    const place = `${copy.topic}-${copy.partition}/${copy.life}`
    const before = newest.get(place)
    if (before === undefined || before.metadata!.offset < metadata.offset) newest.set(place, entry)
    else wrong.push(`${describe(entry)} stands before record ${before.id} in ${place}`)
  }
  return wrong
}

const inOrder = (evidence: Evidence): string[] => {
  const { idempotent, acks } = guaranteesOf(evidence.plan)
  if (idempotent) return orderOfFirstCopies(evidence)
  if (acks !== 0) return orderOfAckedCopies(evidence)
  return wentSmoothly(evidence) ? orderOfFirstCopies(evidence) : []
}

/**
 * A record has its result in the time that options and call allow, and what the program stalled.
 */
const inTime = ({ ledger, plan, stalledMs }: Evidence): string[] => {
  const { maxBlockMs = 60_000, deliveryTimeoutMs = 120_000, flush } = plan.options
  // The time of a batch that flush settings hold begins when it is released.
  const limitMs = maxBlockMs + (flush?.intervalMs ?? 0) + deliveryTimeoutMs
  const slackMs = stalledMs + 50
  return ledger.entries
    .filter((entry) => {
      if (entry.settledCount === 0) return false
      const tookMs = entry.settledAtMs - entry.calledAtMs
      const { timeoutMs = -1, abortAfterMs = -1 } = entry.limits ?? {}
      return (
        // A batch may wait for buffer space for longer, as long as it moves.
        (entry.call !== 'batch' && tookMs > limitMs + slackMs) ||
        (timeoutMs >= 0 && tookMs > timeoutMs + slackMs) ||
        (abortAfterMs >= 0 && tookMs > abortAfterMs + slackMs)
      )
    })
    .map((entry) => `${describe(entry)} took ${entry.settledAtMs - entry.calledAtMs} ms`)
}

/** A few for each thing that went wrong, and otherwise no more than the backoff lets through. */
const metadataIsBounded = ({ metrics, plan, faults, endedAtMs }: Evidence): string[] => {
  const { retryBackoffMaxMs = 1000, metadataMaxAgeMs = 300_000 } = plan.options
  const mostMs = Math.min(0.8 * retryBackoffMaxMs, metadataMaxAgeMs)
  const bound = 30 + 12 * (faults + plan.topics.length) + (2 * endedAtMs) / mostMs
  return metrics.metadataRequests <= bound
    ? []
    : [`${metrics.metadataRequests} metadata requests in ${endedAtMs} ms`]
}

export const checks: Readonly<Record<string, (evidence: Evidence) => string[]>> = {
  'settled once': settledOnce,
  'acked is in the log': ackedIsInLog,
  'content is whole': contentIsWhole,
  'persisted is true': persistedIsTrue,
  'no duplicates': noDuplicates,
  'in order': inOrder,
  'in time': inTime,
  'metadata requests are bounded': metadataIsBounded,
  'keys are in their partition': keysAreInTheirPartition,
  'claims hold': claimsHold,
}
