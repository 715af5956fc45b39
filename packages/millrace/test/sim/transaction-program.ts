// The user's program of a run with transactions: one session per producer. It does what the plan
// says, behaves as the documentation asks for (abort after a failure, commit again where the
// outcome is open), and writes down what it was told of each transaction.

import type { Producer } from '../../src/producer/producer.ts'
import type { Transaction } from '../../src/producer/transaction.ts'
import type { WaitOptions } from '../../src/producer/wait.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Agenda } from './agenda.ts'
import type { Entry, Ledger } from './ledger.ts'
import { noPatience, type Patience, type RecordPlan } from './plan-calls.ts'
import type { SessionPlan, TransactionPlan, WorkStep } from './plan-transactions.ts'
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
  /** The end of the transaction was asked for more than once. */
  readonly hadOpenEnd: boolean
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

/** What the program itself throws. */
class OwnError extends Error {}

const isFatal = (error: unknown): error is KafkaError =>
  error instanceof KafkaError && error.kind === 'fatal'

const isClosed = (error: unknown): boolean => error instanceof KafkaError && error.code === 'CLOSED'

const wordsOf = (error: unknown): string =>
  error instanceof KafkaError
    ? `${error.code} (${error.kind}, persisted ${error.persisted}): ${error.message}`
    : String(error)

/** Calls may take so much longer than their limit: a turn or two, and a step of the engine. */
const slackMs = 60

export class Session {
  readonly number: number
  readonly plan: SessionPlan
  readonly producer: Producer
  readonly clientId: string
  readonly #world: SessionWorld
  readonly startedAtMs: number
  /** Calls that have not come back. */
  readonly pending = new Set<string>()
  readonly fatals: Fatal[] = []
  #handle: Transaction | null = null
  #entry: TransactionEntry | null = null
  closing: Promise<unknown> | null = null
  isOver = false
  #begunAtMs = 0

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
    this.clientId = clientId
    this.startedAtMs = world.clock.now()
    this.#begunAtMs = this.startedAtMs
  }

  get isDone(): boolean {
    return this.fatals.length > 0
  }

  note(text: string): void {
    this.#world.note(`p${this.number}       ${text}`)
  }

  /** Lives to its end; never rejects. */
  async live(): Promise<void> {
    try {
      for (const plan of this.plan.transactions) {
        await this.#pause(plan.pauseBeforeMs)
        if (this.closing !== null) break
        if (this.isDone && !this.plan.isStubborn) break
        await this.#run(plan)
      }
      await this.#end()
    } catch (error) {
      this.#world.onOddity(`session ${this.number} failed: ${wordsOf(error)}`)
    }
    this.isOver = true
  }

  async #end(): Promise<void> {
    const { ending } = this.plan
    if (ending === 'closeOpen' || ending === 'destroyOpen' || ending === 'leaveOpen') {
      const transaction = await this.#begin(noPatience)
      if (transaction !== null) {
        const records = this.plan.transactions[0]!.steps.find((step) => step.kind === 'send')
        if (records?.kind === 'send') {
          void this.#step(this.#entry!, transaction, { ...records, isAwaited: false })
          await this.#pause(records.records.length * 3)
        }
      }
    }
    if (ending === 'close' || ending === 'closeOpen') this.close()
    if (ending === 'destroy' || ending === 'destroyOpen') {
      this.note('destroy')
      this.producer.destroy(new Error('enough'))
      this.close()
    }
  }

  close(): Promise<unknown> {
    if (this.closing === null) {
      this.note('close')
      const name = 'close'
      this.pending.add(name)
      this.closing = this.producer.close()
      this.closing.then(
        () => {
          this.pending.delete(name)
          this.note('back     close')
        },
        (error) => this.#world.onOddity(`close failed: ${wordsOf(error)}`),
      )
    }
    return this.closing
  }

  #pause(forMs: number): Promise<void> {
    if (forMs <= 0) return Promise.resolve()
    return new Promise((resolve) => this.#world.agenda.after(forMs, resolve))
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
      await this.#work(entry, transaction, plan)
      if (plan.end !== 'commit') throw new OwnError('the work gives up')
      hasReturned = true
      entry.fate = 'either'
      return entry.number
    }
    for (;;) {
      try {
        const options = this.#optionsOf(plan.endPatience)
        const value = await this.#call('transaction', Number.POSITIVE_INFINITY, () =>
          this.producer.transaction(work, options),
        )
        if (value !== entry!.number) this.#world.onOddity('transaction() gave another value')
        this.#decide(entry!, 'whole')
        return
      } catch (error) {
        this.#noteFatal(error)
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

  /** begin was refused: the one before is still being ended, or the time was up. */
  async #mayTryAgain(error: unknown): Promise<boolean> {
    if (isClosed(error) || (isFatal(error) && error.code === 'FENCED')) return false
    if (!(error instanceof KafkaError)) {
      this.#world.onOddity(`begin failed with ${String(error)}`)
      return false
    }
    if (error.code === 'INVALID_STATE') {
      await this.#pause(50)
      if (this.closing !== null) return false
      return true
    }
    await this.#pause(100)
    return false
  }

  // ── beginTransaction() ─────────────────────────────────────────────────────────────────────────

  async #begin(patience: Patience): Promise<Transaction | null> {
    for (;;) {
      if (this.closing !== null) return null
      try {
        const options = this.#optionsOf(patience)
        const transaction = await this.#call('begin', this.#limitOf(patience), () =>
          this.producer.beginTransaction(options),
        )
        this.#handle = transaction
        this.#entry = this.#open()
        return transaction
      } catch (error) {
        this.#noteFatal(error)
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
    this.#world.watch.onBegun(this.clientId)
    this.#world.transactions.push(entry)
    this.note(`begun    transaction ${entry.number}`)
    return entry
  }

  #decide(entry: TransactionEntry, fate: Fate): void {
    entry.fate = fate
    entry.decidedOrdinal = this.#world.nextOrdinal()
    this.note(`fate     transaction ${entry.number}: ${fate}`)
  }

  async #runHandle(plan: TransactionPlan): Promise<void> {
    const transaction = await this.#begin(plan.beginPatience)
    if (transaction === null) return
    const entry = this.#entry!
    try {
      await this.#work(entry, transaction, plan)
      if (plan.end === 'commit') {
        await this.#commit(entry, transaction, plan.endPatience)
        return
      }
    } catch (error) {
      this.#noteFatal(error)
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
      await this.#call('dispose', this.#world.maxBlockMs, () =>
        transaction[Symbol.asyncDispose](),
      ).catch((error) => this.#noteFatal(error))
      if (entry.fate !== 'either') this.#decide(entry, 'absent')
      return
    }
    await this.#abort(entry, transaction, plan.endPatience)
  }

  /** Commits; where nobody says how it ended, asks again; where it failed, aborts. */
  async #commit(
    entry: TransactionEntry,
    transaction: Transaction,
    patience: Patience,
  ): Promise<void> {
    let limit = patience
    for (;;) {
      const before = entry.fate
      entry.fate = 'either'
      try {
        const options = this.#optionsOf(limit)
        await this.#call('commit', this.#limitOf(limit), () => transaction.commit(options))
        this.#decide(entry, 'whole')
        return
      } catch (error) {
        this.#noteFatal(error)
        if (!(error instanceof KafkaError)) throw error
        if (error.persisted === 'maybe') {
          limit = noPatience
          if (isClosed(error) || error.kind === 'fatal' || this.closing !== null) return
          if (error.code === 'DELIVERY_TIMEOUT' || error.code === 'ABORTED') continue
        } else if (before === 'either' && error.code === 'ABORTED') continue
        else this.#decide(entry, 'absent')
        if (error.kind === 'fatal' || isClosed(error)) return
        await this.#abort(entry, transaction, noPatience)
        return
      }
    }
  }

  async #abort(
    entry: TransactionEntry,
    transaction: Transaction,
    patience: Patience,
  ): Promise<void> {
    let limit = patience
    for (;;) {
      try {
        const options = this.#optionsOf(limit)
        await this.#call('abort', this.#limitOf(limit), () => transaction.abort(options))
        if (entry.fate !== 'either') this.#decide(entry, 'absent')
        return
      } catch (error) {
        this.#noteFatal(error)
        if (!(error instanceof KafkaError)) throw error
        if (error.kind === 'fatal' || isClosed(error) || this.closing !== null) return
        if (error.code !== 'DELIVERY_TIMEOUT' && error.code !== 'ABORTED') {
          this.#world.onOddity(`abort of ${entry.number} failed: ${wordsOf(error)}`)
          return
        }
        limit = noPatience
      }
    }
  }

  // ── Within a transaction ───────────────────────────────────────────────────────────────────────

  async #work(
    entry: TransactionEntry,
    transaction: Transaction,
    { steps, heeds }: TransactionPlan,
  ): Promise<void> {
    for (const step of steps) {
      try {
        await this.#step(entry, transaction, step)
      } catch (error) {
        if (heeds || error instanceof OwnError) throw error
        if (!(error instanceof KafkaError)) throw error
      }
    }
  }

  async #step(entry: TransactionEntry, transaction: Transaction, step: WorkStep): Promise<void> {
    switch (step.kind) {
      case 'send': {
        const sent = step.records.map((plan) => this.#send(entry, transaction, plan, step.patience))
        if (step.isAwaited) await Promise.all(sent)
        return
      }
      case 'batch': {
        const sent = this.#sendBatch(entry, transaction, step.records, step.patience)
        if (step.isAwaited) await sent
        return
      }
      case 'enqueue':
        await this.#enqueue(entry, transaction, step.records)
        return
      case 'offsets': {
        const sent = this.#sendOffsets(entry, transaction, step)
        if (step.isAwaited) await sent
        return
      }
      case 'pause':
        await this.#pause(step.forMs)
        return
      case 'flush':
        await this.#call('flush', Number.POSITIVE_INFINITY, () => this.producer.flush())
        return
      case 'throw':
        throw new OwnError('the work fails')
      default:
        step satisfies never
    }
  }

  #send(
    entry: TransactionEntry,
    transaction: Transaction,
    plan: RecordPlan,
    patience: Patience,
  ): Promise<unknown> {
    const record = this.#world.ledger.open('send', plan, patience)
    entry.records.push(record)
    const options = this.#optionsOf(patience)
    this.note(`send     record ${record.id}`)
    const sent =
      options === undefined
        ? transaction.send(record.record)
        : transaction.send(record.record, options)
    return this.#settling(sent, (error, metadata) => {
      this.#world.ledger.settle(record, error, metadata ?? null)
    })
  }

  #sendBatch(
    entry: TransactionEntry,
    transaction: Transaction,
    plans: readonly RecordPlan[],
    patience: Patience,
  ): Promise<unknown> {
    const { ledger } = this.#world
    const records = plans.map((plan) => ledger.open('batch', plan, patience))
    entry.records.push(...records)
    const options = this.#optionsOf(patience)
    this.note(`batch    records ${records.map(({ id }) => id).join(' ')}`)
    const sent = transaction.sendBatch(
      records.map(({ record }) => record),
      options,
    )
    return this.#settling(sent, (error, result) => {
      for (const [index, record] of records.entries()) {
        const each = error ?? result?.results[index]
        if (each instanceof KafkaError) ledger.settle(record, each, null)
        else ledger.settle(record, null, each as never)
      }
    })
  }

  async #enqueue(
    entry: TransactionEntry,
    transaction: Transaction,
    plans: readonly RecordPlan[],
  ): Promise<void> {
    const { ledger } = this.#world
    for (const plan of plans) {
      for (;;) {
        const record = ledger.open('enqueue', plan, null)
        record.taken = false
        const isTaken = transaction.enqueue(record.record, (error, metadata) =>
          ledger.settle(record, error, metadata),
        )
        record.taken = isTaken
        this.note(`enqueue  record ${record.id}${isTaken ? '' : ': no room'}`)
        if (isTaken) {
          entry.records.push(record)
          break
        }
        await this.#call('ready', Number.POSITIVE_INFINITY, () => this.producer.ready())
      }
    }
  }

  #sendOffsets(
    entry: TransactionEntry,
    transaction: Transaction,
    step: Extract<WorkStep, { kind: 'offsets' }>,
  ): Promise<unknown> {
    const offsets: OffsetsEntry = {
      group: step.group,
      topic: this.#world.firstTopic,
      partition: 0,
      offset: this.#world.nextOrdinal(),
      state: 'pending',
    }
    entry.offsets.push(offsets)
    const { group, topic, partition, offset } = offsets
    this.note(`offsets  ${group} ${offset}`)
    const member = step.isStranger
      ? { groupId: group, generationId: 3, memberId: 'somebody' }
      : group
    const options = this.#optionsOf(step.patience)
    const sent = this.#call('sendOffsets', this.#limitOf(step.patience), () =>
      transaction.sendOffsets([{ topic, partition, offset }], member, options),
    )
    return this.#settling(sent, (error) => {
      offsets.state = error === null ? 'done' : 'failed'
    })
  }

  /** Settles with the call; a rejection that nobody waits for is none. */
  #settling<Value>(
    sent: Promise<Value>,
    settle: (error: unknown, value: Value | null) => void,
  ): Promise<Value> {
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

  // ── Calls ──────────────────────────────────────────────────────────────────────────────────────

  #limitOf({ abortAfterMs, timeoutMs }: Patience): number {
    const { maxBlockMs } = this.#world
    const limit = timeoutMs < 0 ? maxBlockMs : timeoutMs
    return abortAfterMs < 0 ? limit : Math.min(limit, abortAfterMs)
  }

  async #call<Value>(what: string, limitMs: number, run: () => Promise<Value>): Promise<Value> {
    const name = `${what} ${this.#world.nextOrdinal()}`
    this.pending.add(name)
    this.note(`call     ${name}`)
    const { clock } = this.#world
    const startedAtMs = clock.now()
    try {
      const value = await run()
      this.note(`back     ${name}`)
      return value
    } catch (error) {
      this.note(`back     ${name}: ${wordsOf(error)}`)
      throw error
    } finally {
      this.pending.delete(name)
      const tookMs = clock.now() - startedAtMs
      if (tookMs > limitMs + slackMs) {
        this.#world.onOddity(`p${this.number}: ${name} took ${tookMs} ms of ${limitMs}`)
      }
    }
  }

  #noteFatal(error: unknown): void {
    if (!isFatal(error)) return
    // The producer could not be made: the next begin tries again.
    if (error.code !== 'FENCED' && this.#handle === null) return
    const { watch } = this.#world
    this.fatals.push({
      error,
      wasAcknowledged: watch.wasAcknowledgedTo(this.clientId),
      hadOpenEnd: watch.hadOpenEnd(this.clientId),
      wasFenced: watch.wasFenced(this.plan.transactionalId, this.#begunAtMs),
    })
  }

  #optionsOf(patience: Patience): WaitOptions | undefined {
    const { abortAfterMs, timeoutMs } = patience
    if (abortAfterMs < 0 && timeoutMs < 0) return undefined
    const controller = new AbortController()
    if (abortAfterMs >= 0) {
      this.#world.agenda.after(abortAfterMs, () => controller.abort(new Error('enough')))
    }
    return {
      ...(abortAfterMs < 0 ? {} : { signal: controller.signal }),
      ...(timeoutMs < 0 ? {} : { timeoutMs }),
    }
  }

  /** After the faults: ends what is open; a whole transaction must go through, or it is fenced. */
  async probe(records: readonly RecordPlan[]): Promise<boolean> {
    if (this.#handle !== null && this.#entry !== null) {
      await this.#handle.abort().catch((error) => this.#noteFatal(error))
    }
    const transaction = await this.#begin(noPatience)
    if (transaction === null) return this.closing !== null || this.isDone
    const entry = this.#entry!
    for (const plan of records) void this.#send(entry, transaction, plan, noPatience)
    await this.#commit(entry, transaction, noPatience)
    return entry.fate === 'whole' || this.isDone
  }
}
