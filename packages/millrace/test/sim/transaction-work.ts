// What the program does within one transaction: sends records and offsets in all the ways that
// there are, and records their outcomes.

import type { Producer } from '../../src/producer/producer.ts'
import type { Transaction } from '../../src/producer/transaction.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { CallLimits, RecordPlan } from './plan-calls.ts'
import type { TransactionPlan, WorkStep } from './plan-transactions.ts'
import type { SessionCalls } from './session-calls.ts'
import type { OffsetsEntry, SessionWorld, TransactionEntry } from './transaction-book.ts'

/** What the program itself throws. */
export class OwnError extends Error {}

export class Work {
  readonly #world: SessionWorld
  readonly #calls: SessionCalls
  readonly #producer: Producer
  readonly #entry: TransactionEntry
  readonly #transaction: Transaction

  constructor(
    world: SessionWorld,
    calls: SessionCalls,
    entry: TransactionEntry,
    transaction: Transaction,
  ) {
    this.#world = world
    this.#calls = calls
    this.#producer = entry.session.producer
    this.#entry = entry
    this.#transaction = transaction
  }

  async run({ steps, heeds }: TransactionPlan): Promise<void> {
    for (const step of steps) {
      try {
        await this.step(step)
      } catch (error) {
        if (heeds || error instanceof OwnError) throw error
        if (!(error instanceof KafkaError)) throw error
      }
    }
  }

  async step(step: WorkStep): Promise<void> {
    switch (step.kind) {
      case 'send': {
        const sent = step.records.map((plan) => this.send(plan, step.limits))
        if (step.isAwaited) await Promise.all(sent)
        return
      }
      case 'batch': {
        const sent = this.#sendBatch(step.records, step.limits)
        if (step.isAwaited) await sent
        return
      }
      case 'enqueue':
        await this.#enqueue(step.records)
        return
      case 'offsets': {
        const sent = this.#sendOffsets(step)
        if (step.isAwaited) await sent
        return
      }
      case 'pause':
        await this.#calls.pause(step.forMs)
        return
      case 'flush':
        await this.#calls.call('flush', Number.POSITIVE_INFINITY, () => this.#producer.flush())
        return
      case 'throw':
        throw new OwnError('the work fails')
      default:
        step satisfies never
    }
  }

  send(plan: RecordPlan, limits: CallLimits): Promise<unknown> {
    const record = this.#world.ledger.open('send', plan, limits)
    this.#entry.records.push(record)
    const options = this.#calls.optionsOf(limits)
    this.#calls.trace(`send     record ${record.id}`)
    const sent =
      options === undefined
        ? this.#transaction.send(record.record)
        : this.#transaction.send(record.record, options)
    return settling(sent, (error, metadata) => {
      this.#world.ledger.settle(record, error, metadata ?? null)
    })
  }

  #sendBatch(plans: readonly RecordPlan[], limits: CallLimits): Promise<unknown> {
    const { ledger } = this.#world
    const records = plans.map((plan) => ledger.open('batch', plan, limits))
    this.#entry.records.push(...records)
    const options = this.#calls.optionsOf(limits)
    this.#calls.trace(`batch    records ${records.map(({ id }) => id).join(' ')}`)
    const sent = this.#transaction.sendBatch(
      records.map(({ record }) => record),
      options,
    )
    return settling(sent, (error, result) => {
      for (const [index, record] of records.entries()) {
        const each = error ?? result?.results[index]
        if (each instanceof KafkaError) ledger.settle(record, each, null)
        else ledger.settle(record, null, each as never)
      }
    })
  }

  async #enqueue(plans: readonly RecordPlan[]): Promise<void> {
    const { ledger } = this.#world
    for (const plan of plans) {
      for (;;) {
        const record = ledger.open('enqueue', plan, null)
        record.taken = false
        const isTaken = this.#transaction.enqueue(record.record, (error, metadata) =>
          ledger.settle(record, error, metadata),
        )
        record.taken = isTaken
        this.#calls.trace(`enqueue  record ${record.id}${isTaken ? '' : ': no space'}`)
        if (isTaken) {
          this.#entry.records.push(record)
          break
        }
        await this.#calls.call('ready', Number.POSITIVE_INFINITY, () => this.#producer.ready())
      }
    }
  }

  #sendOffsets(step: Extract<WorkStep, { kind: 'offsets' }>): Promise<unknown> {
    const offsets: OffsetsEntry = {
      group: step.group,
      topic: this.#world.firstTopic,
      partition: 0,
      offset: this.#world.nextOrdinal(),
      state: 'pending',
    }
    this.#entry.offsets.push(offsets)
    const { group, topic, partition, offset } = offsets
    this.#calls.trace(`offsets  ${group} ${offset}`)
    const member = step.isStranger ? { groupId: group, generationId: 3, memberId: 'member' } : group
    const options = this.#calls.optionsOf(step.limits)
    const sent = this.#calls.call('sendOffsets', this.#calls.limitOf(step.limits), () =>
      this.#transaction.sendOffsets([{ topic, partition, offset }], member, options),
    )
    return settling(sent, (error) => {
      offsets.state = error === null ? 'done' : 'failed'
    })
  }
}

/** Settles with the call; a rejection that is not awaited is none. */
const settling = <Value>(
  sent: Promise<Value>,
  settle: (error: unknown, value: Value | null) => void,
): Promise<Value> => {
  const settled = sent.then(
    (value) => {
      settle(null, value)
      return value
    },
    (error) => {
      settle(error, null)
      throw error
    },
  )
  settled.catch(() => {})
  return settled
}
