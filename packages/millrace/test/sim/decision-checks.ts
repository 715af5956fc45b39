// What must come of the engine's decisions: the claims of a plan about where records without a key
// go and how long others take, and in every run, that each topic has the codec, the batch size and
// the partitioner that its options name.

import { partitionForKey } from '../../src/producer/partition-for-key.ts'
import type { PerTopicOptions } from '../../src/producer/producer-options.ts'
import { codecOf } from '../../src/protocol/compression/codecs.ts'
import type { Journal } from './journal.ts'
import type { Entry, Ledger } from './ledger.ts'
import type { Plan } from './plan.ts'
import type { Claim } from './plan-decisions.ts'
import type { WrittenBatch } from './watched-transport.ts'

/** What the checks look at. */
export interface DecisionEvidence {
  readonly plan: Plan
  readonly ledger: Ledger
  readonly journal: Journal
}

/** The options of a topic: its own before those of the producer. */
const optionsOf = ({ options }: Plan, topic: string): PerTopicOptions => ({
  compression: options.compression,
  batchBytes: options.batchBytes,
  lingerMs: options.lingerMs,
  partitioner: options.partitioner,
  ...options.topics?.[topic],
})

/** Text of at least this size gets smaller with every codec. */
const smallBytes = 800

/** A batch has its topic's codec, and with more than one record, its topic's size at most. */
export const batchOddities = (plan: Plan, batch: WrittenBatch): string[] => {
  const { topic, codecId, bytes, ids } = batch
  const { compression, batchBytes = 16_384 } = optionsOf(plan, topic)
  const wrong: string[] = []
  // A small batch may not get smaller: then it is not compressed.
  const isSmall = codecId === 0 && bytes < smallBytes
  if (typeof compression === 'string' && codecId !== codecOf(compression).id && !isSmall) {
    wrong.push(`a batch for ${topic} has codec ${codecId}, and its option is ${compression}`)
  }
  if (codecId === 0 && ids.length > 1 && bytes > batchBytes) {
    wrong.push(`a batch for ${topic} has ${bytes} bytes of ${batchBytes}`)
  }
  return wrong
}

const keyPartitioners = ['java', 'consistent_random', 'fnv1a', 'kafkajs_legacy'] as const

/** A key is in the partition that the partitioner of its topic names. */
export const keysAreInTheirPartition = ({ plan, ledger, journal }: DecisionEvidence): string[] => {
  const wrong: string[] = []
  for (const { id, topic, partition } of journal.appends) {
    const entry = ledger.entries[id]
    const now = journal.topic(topic)
    // A topic that was created again may have had another number of partitions.
    if (entry === undefined || now === undefined || journal.livesOf(topic) > 1) continue
    const { record } = entry
    const name = keyPartitioners.find((each) => each === optionsOf(plan, topic).partitioner)
    if (name === undefined || record.partition !== undefined || !record.key) continue
    const expected = partitionForKey(record.key, now.partitions.length, name)
    if (partition !== expected) wrong.push(`record ${id} is in ${partition}, not in ${expected}`)
  }
  return wrong
}

const nodeOf = (journal: Journal, topic: string, partition: number): number =>
  journal.topic(topic)?.partitions[partition]?.replicas[0] ?? -1

/** Broker of each record of the kind that was sent in the time; no leader moves in such a plan. */
const placesOf = (
  { ledger, journal }: DecisionEvidence,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): { readonly entry: Entry; readonly node: number }[] =>
  ledger.entries.flatMap((entry) => {
    const { plan, call, calledAtMs, id } = entry
    const isMeant = call === 'send' && calledAtMs >= fromMs && calledAtMs < toMs
    const partition = plan.partition >= 0 ? plan.partition : journal.byId.get(id)?.[0]?.partition
    if (!isMeant || partition === undefined) return []
    return [{ entry, node: nodeOf(journal, plan.topic, partition) }]
  })

const keylessOf = (evidence: DecisionEvidence, span: { fromMs: number; toMs: number }) =>
  placesOf(evidence, span).filter(({ entry }) => entry.plan.partition < 0 && entry.plan.key === '')

const checkClaim = (evidence: DecisionEvidence, claim: Claim): string[] => {
  switch (claim.kind) {
    case 'avoided':
      return keylessOf(evidence, claim)
        .filter(({ node }) => claim.nodes.includes(node))
        .map(({ entry, node }) => `record ${entry.id} of ${entry.calledAtMs} ms is at node ${node}`)
    case 'used': {
      const isUsed = keylessOf(evidence, claim).some(({ node }) => claim.nodes.includes(node))
      return isUsed ? [] : [`no record without a key is at node ${claim.nodes.join(' or ')}`]
    }
    case 'seldom': {
      const all = keylessOf(evidence, claim)
      const there = all.filter(({ node }) => node === claim.node)
      const isSeldom = there.length * 100 <= all.length * claim.percentMax
      return isSeldom ? [] : [`${there.length} of ${all.length} records are at node ${claim.node}`]
    }
    case 'prompt':
      return placesOf(evidence, claim)
        .filter(({ entry: { plan }, node }) => plan.partition >= 0 && node !== claim.except)
        .filter(
          ({ entry: { settledAtMs, calledAtMs, error } }) =>
            error !== null || settledAtMs - calledAtMs > claim.withinMs,
        )
        .map(({ entry: { id, calledAtMs, settledAtMs }, node }) => {
          return `record ${id} of ${calledAtMs} ms, for node ${node}, was settled at ${settledAtMs}`
        })
    case 'lingers':
      // Looked at when a batch is sent.
      return []
    default:
      return claim satisfies never
  }
}

/** Some of what is wrong is enough. */
const namedMax = 5

export const claimsHold = (evidence: DecisionEvidence): string[] =>
  (evidence.plan.claims ?? []).flatMap((claim) => {
    const wrong = checkClaim(evidence, claim)
    return wrong.slice(0, namedMax).map((text) => `${claim.kind}: ${text}`)
  })

/** Of a plan that claims it: the batch, sent first now, has lingered. */
export const lingerOddities = (
  plan: Plan,
  batch: WrittenBatch,
  ledger: Ledger,
  nowMs: number,
): string[] => {
  if (plan.claims?.some(({ kind }) => kind === 'lingers') !== true) return []
  const { lingerMs = 0 } = optionsOf(plan, batch.topic)
  const ageMs = Math.max(...batch.ids.map((id) => nowMs - (ledger.entries[id]?.calledAtMs ?? 0)))
  // The probes at the end release what they are sent with.
  const isProbe = batch.ids.some((id) => ledger.entries[id]?.call !== 'send')
  if (isProbe || ageMs >= lingerMs - 1) return []
  return [`a batch for ${batch.topic} was sent after ${ageMs} ms, and its linger is ${lingerMs}`]
}
