// The user's program of a run: it makes the calls of the plan and records the outcomes. It
// behaves as programs do: it reuses its bytes, throws in callbacks, cancels, waits for buffer
// space, and never reads two results of one call.

import type { PurgeScope } from '../../src/engine/buffer/purge.ts'
import type { SettleCallback as Settle } from '../../src/engine/record.ts'
import type { Producer } from '../../src/producer/producer.ts'
import type { WaitOptions } from '../../src/producer/wait.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Agenda } from './agenda.ts'
import type { CallKind, Entry, Ledger } from './ledger.ts'
import type { CallLimits, CallStep, RecordPlan } from './plan-calls.ts'
import { PurgeCheck } from './purge-check.ts'

export interface ProgramWorld {
  readonly clock: VirtualClock
  readonly agenda: Agenda
  readonly ledger: Ledger
  readonly producer: Producer
  trace(text: string): void
  onOddity(text: string): void
  /** Looks at what the producer holds; called often. */
  sample(): void
}

const isClosed = (error: unknown): boolean =>
  error instanceof KafkaError && (error.code === 'CLOSED' || error.code === 'ABORTED')

export class Program {
  readonly #world: ProgramWorld
  /** Calls that have not come back. */
  readonly #pending = new Set<string>()
  #nextCall = 1
  #purges = 0
  #purgesPending = 0
  stalledMs = 0
  /** Failures that onError also receives: all but those that a callback got. */
  failures = 0

  constructor(world: ProgramWorld) {
    this.#world = world
  }

  get pendingCalls(): readonly string[] {
    return [...this.#pending]
  }

  run(step: CallStep): void {
    this.#world.sample()
    switch (step.kind) {
      case 'send':
        for (const plan of step.records) this.send(plan, step.limits)
        break
      case 'batch':
        this.#sendBatch(step.records, step.limits)
        break
      case 'enqueue':
        void this.#enqueue(step.records, step.callback, step.persists)
        break
      case 'flush':
        this.#flush(step.limits)
        break
      case 'partitionsFor':
        this.#wait('partitionsFor', this.#world.producer.partitionsFor(step.topic), true)
        break
      case 'connect':
        this.#wait('connect', this.#world.producer.connect(), true)
        break
      case 'purge':
        this.#purge(step.scope)
        break
      case 'stall':
        this.#world.trace(`stall    the program blocks for ${step.forMs} ms`)
        this.stalledMs += step.forMs
        this.#world.clock.stall(step.forMs)
        break
      default:
        step satisfies never
    }
    this.#world.sample()
  }

  send(plan: RecordPlan, limits: CallLimits, call: CallKind = 'send'): Entry {
    const { ledger, producer } = this.#world
    const entry = ledger.open(call, plan, limits)
    const { options, aborts } = this.#waitOptions(limits)
    this.#world.trace(`send     record ${entry.id} to ${placeOf(plan)}`)
    const done =
      options === undefined ? producer.send(entry.record) : producer.send(entry.record, options)
    aborts()
    spoil(entry)
    done.then(
      (metadata) => this.#settled(entry, null, metadata),
      (error) => {
        this.failures++
        this.#settled(entry, error, null)
      },
    )
    return entry
  }

  #settled(entry: Entry, error: unknown, metadata: Parameters<Settle>[1]): void {
    const { ledger, trace } = this.#world
    ledger.settle(entry, error, metadata)
    if (error instanceof KafkaError) {
      trace(
        `result   record ${entry.id}: ${error.code}, persisted ${error.persisted}: ` +
          error.message,
      )
    } else if (metadata !== null) {
      trace(
        `result   record ${entry.id}: ${metadata.topic}-${metadata.partition} ${metadata.offset}`,
      )
    }
    this.#world.sample()
  }

  #sendBatch(plans: readonly RecordPlan[], limits: CallLimits): void {
    const { ledger, producer } = this.#world
    const entries = plans.map((plan) => ledger.open('batch', plan, limits))
    const { options, aborts } = this.#waitOptions(limits)
    this.#world.trace(`batch    records ${namesOf(entries)} to ${placeOf(plans[0]!)} …`)
    const done = producer.sendBatch(
      entries.map(({ record }) => record),
      options,
    )
    aborts()
    done.then(
      ({ results, failedIndexes }) => {
        if (results.length !== entries.length) this.#world.onOddity('a batch with missing results')
        const failed: number[] = []
        for (const [index, entry] of entries.entries()) {
          const result = results[index]
          if (result instanceof KafkaError) {
            failed.push(index)
            this.failures++
            this.#settled(entry, result, null)
          } else this.#settled(entry, null, result ?? null)
        }
        if (failed.join() !== failedIndexes.join()) {
          this.#world.onOddity(`failedIndexes ${failedIndexes.join()} instead of ${failed.join()}`)
        }
      },
      (error) => {
        // Only a call on a closed producer rejects as a whole.
        this.failures++
        if (!isClosed(error)) this.#world.onOddity(`sendBatch rejected: ${String(error)}`)
        for (const entry of entries) this.#settled(entry, error, null)
      },
    )
  }

  async #enqueue(
    plans: readonly RecordPlan[],
    callback: 'none' | 'plain' | 'throws',
    persists: boolean,
  ): Promise<void> {
    const { producer, ledger, trace } = this.#world
    for (const plan of plans) {
      for (;;) {
        const entry = ledger.open('enqueue', plan, null, callback !== 'none')
        let taken: boolean
        try {
          taken =
            callback === 'none'
              ? producer.enqueue(entry.record)
              : producer.enqueue(entry.record, this.#callbackOf(entry, callback))
        } catch (error) {
          entry.taken = false
          if (!(error instanceof KafkaError)) this.#world.onOddity(`enqueue threw ${String(error)}`)
          trace(`enqueue  record ${entry.id} rejected: ${String(error)}`)
          break
        }
        entry.taken = taken
        trace(`enqueue  record ${entry.id} to ${placeOf(plan)}: ${taken ? 'taken' : 'no space'}`)
        spoil(entry)
        this.#world.sample()
        if (taken || !persists) break
        try {
          await this.#wait('ready', producer.ready(), false)
        } catch {
          return
        }
      }
    }
  }

  #callbackOf(entry: Entry, callback: 'plain' | 'throws'): Settle {
    return (error, metadata) => {
      this.#settled(entry, error, metadata)
      if (callback === 'throws') throw new Error('a callback of the user throws')
    }
  }

  #flush(limits: CallLimits): void {
    const { ledger, producer } = this.#world
    const before = ledger.entries.filter(
      ({ taken, isResultRequested: isAsked, settledCount, call }) =>
        taken && isAsked && settledCount === 0 && call !== 'batch',
    )
    const { options, aborts } = this.#waitOptions(limits)
    const done = producer.flush(options).then(async () => {
      // Results and flush may come in the same turn.
      for (let hop = 0; hop < 5; hop++) await null
      const left = before.filter(({ settledCount }) => settledCount === 0)
      if (left.length === 0) return
      this.#world.onOddity(`flush is over, and records ${namesOf(left)} are not settled`)
    })
    aborts()
    this.#wait('flush', done, options !== undefined)
  }

  #purge(scope: PurgeScope): void {
    const { ledger, producer, trace, onOddity } = this.#world
    const check = new PurgeCheck(ledger, scope, onOddity)
    try {
      const count = producer.purge(scope)
      trace(`purge    ${JSON.stringify(scope)}: ${count} records fail`)
      this.#judgeLater(check, count)
    } catch (error) {
      if (!isClosed(error)) onOddity(`purge threw ${String(error)}`)
    }
  }

  /**
   * The results of a purge come in the next step; the program may block the event loop before it.
   * Another purge meanwhile has results of its own: neither is judged.
   */
  #judgeLater(check: PurgeCheck, count: number): void {
    const { agenda } = this.#world
    const isAlone = this.#purgesPending === 0
    const purges = ++this.#purges
    this.#purgesPending++
    agenda.after(1, () =>
      agenda.after(1, () => {
        this.#purgesPending--
        if (isAlone && this.#purges === purges) check.check(count)
      }),
    )
  }

  /** `mayFail`: a rejection is fine. */
  #wait<Value>(what: string, promise: Promise<Value>, mayFail: boolean): Promise<Value> {
    const name = `${what} ${this.#nextCall++}`
    this.#pending.add(name)
    this.#world.trace(`call     ${name}`)
    const forget = (error?: unknown) => {
      this.#pending.delete(name)
      this.#world.trace(`back     ${name}${error === undefined ? '' : `: ${String(error)}`}`)
      if (error === undefined || mayFail || isClosed(error)) return
      this.#world.onOddity(`${name} failed: ${String(error)}`)
    }
    promise.then(() => forget(), forget)
    return promise
  }

  /** `aborts` starts the clock of the signal: it runs from the call on. */
  #waitOptions(limits: CallLimits): { options: WaitOptions | undefined; aborts: () => void } {
    const { abortAfterMs, timeoutMs } = limits
    if (abortAfterMs < 0 && timeoutMs < 0) return { options: undefined, aborts: () => {} }
    const controller = new AbortController()
    const options = {
      ...(abortAfterMs < 0 ? {} : { signal: controller.signal }),
      ...(timeoutMs < 0 ? {} : { timeoutMs }),
    }
    const aborts = () => {
      if (abortAfterMs < 0) return
      this.#world.agenda.after(abortAfterMs, () => controller.abort(new Error('enough')))
    }
    return { options, aborts }
  }
}

/** The call is over: its bytes are the program's again. */
const spoil = ({ record }: Entry): void => {
  if (record.value instanceof Uint8Array) record.value.fill(0x21)
}

const placeOf = ({ topic, partition }: RecordPlan): string =>
  partition < 0 ? topic : `${topic}-${partition}`

const namesOf = (entries: readonly Entry[]): string => entries.map(({ id }) => id).join(' ')
