// Every record that the program handed to the producer, and the reported outcome. Each has a
// number that stands in its value (in its key, where it has no value), so that it is known again
// on the wire and in the logs.

import type { ProducerRecord, RecordMetadata } from '../../src/engine/record.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { CallLimits, RecordPlan } from './plan-calls.ts'

export type CallKind = 'send' | 'batch' | 'enqueue' | 'probe'

export interface Entry {
  /** Its number: also its position in the order of calls. */
  readonly id: number
  readonly call: CallKind
  readonly plan: RecordPlan
  readonly record: ProducerRecord
  readonly limits: CallLimits | null
  readonly calledAtMs: number
  /** False = enqueue did not take it: it counts for nothing. */
  taken: boolean
  /** False = its outcome was not requested. */
  readonly isResultRequested: boolean
  settledCount: number
  settledAtMs: number
  error: KafkaError | null
  metadata: RecordMetadata | null
  /** Some byte of it was given to a socket. */
  reachedSocket: boolean
}

const filler = 'the mill turns and the water runs to the sea; '.repeat(220)

const nameOf = (id: number): string => `#${id}#`

/** The number in a key or value of ours; -1 = none. */
const idIn = (bytes: Uint8Array | null): number => {
  if (bytes === null || bytes.length < 3 || bytes[0] !== 0x23) return -1
  let id = 0
  for (let index = 1; index < bytes.length; index++) {
    const byte = bytes[index]!
    if (byte === 0x23) return index === 1 ? -1 : id
    if (byte < 0x30 || byte > 0x39) return -1
    id = id * 10 + byte - 0x30
  }
  return -1
}

interface KeyAndValue {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

export const idOf = ({ key, value }: KeyAndValue): number =>
  value === null ? idIn(key) : idIn(value)

const headersOf = (count: number): readonly (readonly [string, string | null])[] =>
  Array.from({ length: count }, (_, index) => [`h${index % 2}`, index === 2 ? null : 'x'] as const)

export class Ledger {
  readonly entries: Entry[] = []
  readonly #now: () => number
  readonly #wallTime: () => number
  /** Settlements that came twice, or to a record that was not taken. */
  readonly oddities: string[] = []
  /** Records whose result is metadata. */
  delivered = 0

  constructor(now: () => number, wallTime: () => number) {
    this.#now = now
    this.#wallTime = wallTime
  }

  /** A record is about to be handed over. */
  open(
    call: CallKind,
    plan: RecordPlan,
    limits: CallLimits | null,
    isResultRequested = true,
  ): Entry {
    const id = this.entries.length
    const name = nameOf(id)
    const text = plan.tombstone ? null : name + filler.slice(0, plan.valueBytes)
    const key = plan.tombstone ? name + plan.key : plan.key === '' ? null : plan.key
    const record: ProducerRecord = {
      topic: plan.topic,
      key,
      value: text !== null && plan.reusesBytes ? Buffer.from(text) : text,
      headers: plan.headers === 0 ? undefined : headersOf(plan.headers),
      partition: plan.partition < 0 ? undefined : plan.partition,
      timestamp:
        plan.timestampOffsetMs === null ? undefined : this.#wallTime() + plan.timestampOffsetMs,
    }
    const entry: Entry = {
      id,
      call,
      plan,
      record,
      limits,
      calledAtMs: this.#now(),
      taken: true,
      isResultRequested,
      settledCount: 0,
      settledAtMs: -1,
      error: null,
      metadata: null,
      reachedSocket: false,
    }
    this.entries.push(entry)
    return entry
  }

  /** The bytes that it must have in the log. */
  expectedValue({ id, plan }: Entry): string | null {
    return plan.tombstone ? null : nameOf(id) + filler.slice(0, plan.valueBytes)
  }

  settle(entry: Entry, error: unknown, metadata: RecordMetadata | null): void {
    entry.settledCount++
    if (entry.settledCount > 1 || !entry.taken) {
      this.oddities.push(
        entry.taken
          ? `record ${entry.id} was settled ${entry.settledCount} times`
          : `record ${entry.id} was settled though it was not taken`,
      )
      return
    }
    entry.settledAtMs = this.#now()
    entry.metadata = metadata
    if (error === null) {
      this.delivered++
      return
    }
    if (error instanceof KafkaError) entry.error = error
    else this.oddities.push(`record ${entry.id} was settled with ${String(error)}, no KafkaError`)
  }

  /** Taken, with a result requested, and not settled. */
  get unsettled(): Entry[] {
    return this.entries.filter(
      (entry) => entry.taken && entry.isResultRequested && entry.settledCount === 0,
    )
  }
}
