// The user's program of a run with transactions: one session per producer. It does what the plan
// says, behaves as the documentation says (abort after a failure, commit again where the
// outcome is open), and records the outcome of each transaction.

import type { Producer } from '../../src/producer/producer.ts'
import type { Transaction } from '../../src/producer/transaction.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { type CallLimits, noLimits, type RecordPlan } from './plan-calls.ts'
import type { SessionPlan, TransactionPlan } from './plan-transactions.ts'
import { describeError, SessionCalls } from './session-calls.ts'
import type { Fatal, Fate, SessionWorld, TransactionEntry } from './transaction-book.ts'
import { OwnError, Work } from './transaction-work.ts'

const isFatal = (error: unknown): error is KafkaError =>
  error instanceof KafkaError && error.kind === 'fatal'

const isClosed = (error: unknown): boolean => error instanceof KafkaError && error.code === 'CLOSED'

export class Session {
  readonly number: number
  readonly plan: SessionPlan
  readonly producer: Producer
  readonly clientId: string
  readonly #world: SessionWorld
  readonly startedAtMs: number
  readonly #calls: SessionCalls
  readonly fatals: Fatal[] = []
  #handle: Transaction | null = null
  #entry: TransactionEntry | null = null
  closing: Promise<unknown> | null = null
  isOver = false
  #begunAtMs = 0
  #hasBegun = false

  constructor(
    world: SessionWorld,
    plan: SessionPlan,
    producer: Producer,
    number: number,
    clientId: string,
  ) {
    this.#world = world
    this.plan = plan
    this.producer = producer
    this.number = number
    this.#calls = new SessionCalls(world, number)
    this.clientId = clientId
    this.startedAtMs = world.clock.now()
    this.#begunAtMs = this.startedAtMs
  }

  /** Calls that have not come back. */
  get pending(): ReadonlySet<string> {
    return this.#calls.pending
  }

  get isDone(): boolean {
    return this.fatals.length > 0
  }

  /** Lives to its end; never rejects. */
  async live(): Promise<void> {
    try {
      for (const plan of this.plan.transactions) {
        await this.#calls.pause(plan.pauseBeforeMs)
        if (this.closing !== null) break
        if (this.isDone && !this.plan.isStubborn) break
        await this.#run(plan)
      }
      await this.#end()
    } catch (error) {
      this.#world.onOddity(`session ${this.number} failed: ${describeError(error)}`)
    }
    this.isOver = true
  }

  async #end(): Promise<void> {
    const { ending } = this.plan
    if (ending === 'closeOpen' || ending === 'destroyOpen' || ending === 'leaveOpen') {
      const transaction = await this.#begin(noLimits)
      if (transaction !== null) {
        const records = this.plan.transactions[0]!.steps.find((step) => step.kind === 'send')
        if (records?.kind === 'send') {
          void this.#work(this.#entry!, transaction).step({ ...records, isAwaited: false })
          await this.#calls.pause(records.records.length * 3)
        }
      }
    }
    if (ending === 'close' || ending === 'closeOpen') this.close()
    if (ending === 'destroy' || ending === 'destroyOpen') {
      this.#calls.trace('destroy')
      this.producer.destroy(new Error('enough'))
      this.close()
    }
  }

  close(): Promise<unknown> {
    if (this.closing === null) {
      this.#calls.trace('close')
      const name = 'close'
      this.#calls.pending.add(name)
      this.closing = this.producer.close()
      this.closing.then(
        () => {
          this.#calls.pending.delete(name)
          this.#calls.trace('back     close')
        },
        (error) => this.#world.onOddity(`close failed: ${describeError(error)}`),
      )
    }
    return this.closing
  }

  #run(plan: TransactionPlan): Promise<void> {
    return plan.style === 'function' ? this.#runFunction(plan) : this.#runHandle(plan)
  }

  // ── producer.transaction(work) ─────────────────────────────────────────────────────────────────

  async #runFunction(plan: TransactionPlan): Promise<void> {
    let entry: TransactionEntry | null = null
    let hasReturned = false
    const work = async (transaction: Transaction): Promise<number> => {
      entry = this.#open()
      await this.#work(entry, transaction).run(plan)
      if (plan.end !== 'commit') throw new OwnError('the function throws')
      hasReturned = true
      entry.fate = 'either'
      return entry.number
    }
    for (;;) {
      try {
        const options = this.#calls.optionsOf(plan.endLimits)
        const value = await this.#calls.call('transaction', Number.POSITIVE_INFINITY, () =>
          this.producer.transaction(work, options),
        )
        if (value !== entry!.number) this.#world.onOddity('transaction() gave another value')
        this.#decide(entry!, 'whole')
        return
      } catch (error) {
        this.#addFatal(error)
        if (entry !== null) {
          const { fate } = entry as TransactionEntry
          const isOpen = hasReturned && error instanceof KafkaError && error.persisted === 'maybe'
          if (fate !== 'whole' && !isOpen) this.#decide(entry, 'absent')
          return
        }
        if (!(await this.#mayTryAgain(error))) return
      }
    }
  }

  /** begin was rejected: the one before is still being ended, or the time was up. */
  async #mayTryAgain(error: unknown): Promise<boolean> {
    if (isClosed(error) || (isFatal(error) && error.code === 'FENCED')) return false
    if (!(error instanceof KafkaError)) {
      this.#world.onOddity(`begin failed with ${String(error)}`)
      return false
    }
    if (error.code === 'INVALID_STATE') {
      await this.#calls.pause(50)
      if (this.closing !== null) return false
      return true
    }
    await this.#calls.pause(100)
    return false
  }

  // ── beginTransaction() ─────────────────────────────────────────────────────────────────────────

  async #begin(limits: CallLimits): Promise<Transaction | null> {
    for (;;) {
      if (this.closing !== null) return null
      try {
        const options = this.#calls.optionsOf(limits)
        const transaction = await this.#calls.call('begin', this.#calls.limitOf(limits), () =>
          this.producer.beginTransaction(options),
        )
        this.#handle = transaction
        this.#entry = this.#open()
        return transaction
      } catch (error) {
        this.#addFatal(error)
        if (!(await this.#mayTryAgain(error))) return null
      }
    }
  }

  #open(): TransactionEntry {
    const entry: TransactionEntry = {
      number: this.#world.transactions.length,
      session: this,
      begunAtMs: this.#world.clock.now(),
      records: [],
      offsets: [],
      fate: 'absent',
      decidedOrdinal: -1,
    }
    this.#begunAtMs = entry.begunAtMs
    this.#hasBegun = true
    this.#world.watch.onBegun(this.clientId)
    this.#world.transactions.push(entry)
    this.#calls.trace(`begun    transaction ${entry.number}`)
    return entry
  }

  #work(entry: TransactionEntry, transaction: Transaction): Work {
    return new Work(this.#world, this.#calls, entry, transaction)
  }

  #decide(entry: TransactionEntry, fate: Fate): void {
    entry.fate = fate
    entry.decidedOrdinal = this.#world.nextOrdinal()
    this.#calls.trace(`fate     transaction ${entry.number}: ${fate}`)
  }

  async #runHandle(plan: TransactionPlan): Promise<void> {
    const transaction = await this.#begin(plan.beginLimits)
    if (transaction === null) return
    const entry = this.#entry!
    try {
      await this.#work(entry, transaction).run(plan)
      if (plan.end === 'commit') {
        await this.#commit(entry, transaction, plan.endLimits)
        return
      }
    } catch (error) {
      this.#addFatal(error)
      if (!(error instanceof OwnError) && !(error instanceof KafkaError)) throw error
    }
    await this.#leave(entry, transaction, plan)
  }

  async #leave(
    entry: TransactionEntry,
    transaction: Transaction,
    plan: TransactionPlan,
  ): Promise<void> {
    if (plan.style === 'block' || plan.end === 'leave') {
      await this.#calls
        .call('dispose', this.#world.maxBlockMs, () => transaction[Symbol.asyncDispose]())
        .catch((error) => this.#addFatal(error))
      if (entry.fate !== 'either') this.#decide(entry, 'absent')
      return
    }
    await this.#abort(entry, transaction, plan.endLimits)
  }

  /** Commits; where the outcome is unknown, commits again; where it failed, aborts. */
  async #commit(
    entry: TransactionEntry,
    transaction: Transaction,
    limits: CallLimits,
  ): Promise<void> {
    let limit = limits
    for (;;) {
      const before = entry.fate
      entry.fate = 'either'
      try {
        const options = this.#calls.optionsOf(limit)
        await this.#calls.call('commit', this.#calls.limitOf(limit), () =>
          transaction.commit(options),
        )
        this.#decide(entry, 'whole')
        return
      } catch (error) {
        this.#addFatal(error)
        if (!(error instanceof KafkaError)) throw error
        if (error.persisted === 'maybe') {
          limit = noLimits
          if (isClosed(error) || error.kind === 'fatal' || this.closing !== null) return
          if (
            error.code === 'TIMEOUT' ||
            error.code === 'DELIVERY_TIMEOUT' ||
            error.code === 'ABORTED'
          )
            continue
        } else if (before === 'either' && error.code === 'ABORTED') continue
        else this.#decide(entry, 'absent')
        if (error.kind === 'fatal' || isClosed(error)) return
        await this.#abort(entry, transaction, noLimits)
        return
      }
    }
  }

  async #abort(
    entry: TransactionEntry,
    transaction: Transaction,
    limits: CallLimits,
  ): Promise<void> {
    let limit = limits
    for (;;) {
      try {
        const options = this.#calls.optionsOf(limit)
        await this.#calls.call('abort', this.#calls.limitOf(limit), () =>
          transaction.abort(options),
        )
        if (entry.fate !== 'either') this.#decide(entry, 'absent')
        return
      } catch (error) {
        this.#addFatal(error)
        if (!(error instanceof KafkaError)) throw error
        if (error.kind === 'fatal' || isClosed(error) || this.closing !== null) return
        if (
          error.code !== 'TIMEOUT' &&
          error.code !== 'DELIVERY_TIMEOUT' &&
          error.code !== 'ABORTED'
        ) {
          this.#world.onOddity(`abort of ${entry.number} failed: ${describeError(error)}`)
          return
        }
        limit = noLimits
      }
    }
  }

  #addFatal(error: unknown): void {
    if (!isFatal(error)) return
    // The producer could not be made: the next begin tries again.
    if (error.code !== 'FENCED' && !this.#hasBegun) return
    const { watch } = this.#world
    this.fatals.push({
      error,
      wasAcknowledged: watch.wasAcknowledgedTo(this.clientId),
      wasFenced: watch.wasFenced(this.plan.transactionalId, this.#begunAtMs),
      isVersion1: watch.isVersion1(this.clientId),
    })
  }

  /** After the faults: ends what is open; a whole transaction must go through, or it is fenced. */
  async probe(records: readonly RecordPlan[]): Promise<boolean> {
    if (this.#handle !== null && this.#entry !== null) {
      await this.#handle.abort().catch((error) => this.#addFatal(error))
    }
    const transaction = await this.#begin(noLimits)
    if (transaction === null) return this.closing !== null || this.isDone
    const entry = this.#entry!
    const work = this.#work(entry, transaction)
    for (const plan of records) void work.send(plan, noLimits)
    await this.#commit(entry, transaction, noLimits)
    return entry.fate === 'whole' || this.isDone
  }
}
