// An engine with a transactional id, stepped by hand, for the tests of its transactions.

import assert from 'node:assert/strict'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import { Bench, type FakeTransactions } from './engine-kit.ts'

export interface Outcome {
  called: boolean
  error: KafkaError | null
}

/** Its topic is known. */
export class TransactionBench {
  readonly bench: Bench
  readonly coordinator: FakeTransactions
  number = 0

  constructor(version2: boolean) {
    this.bench = new Bench({ transactionalId: 'x' }, { t: [1, 1] })
    this.coordinator = this.bench.transactions!
    this.coordinator.version2 = version2
    this.bench.tellTopic('t')
  }

  /** Begins a transaction and responds to InitProducerId if it is sent. */
  begin(epoch = 0): void {
    this.beginning()
    if (this.coordinator.calls.length > 0) {
      this.coordinator.takeOne().succeed({ producerId: 4711, epoch })
    }
    this.bench.step()
  }

  beginning(): Outcome {
    const outcome: Outcome = { called: false, error: null }
    this.bench.engine.transactions!.begin((error, number) => {
      Object.assign(outcome, { called: true, error })
      if (error === null) this.number = number
    })
    return outcome
  }

  end(call: 'commit' | 'abort'): Outcome {
    const outcome: Outcome = { called: false, error: null }
    this.bench.engine.transactions![call](this.number, (error) => {
      assert.equal(outcome.called, false, 'called once')
      Object.assign(outcome, { called: true, error })
    })
    this.bench.step()
    return outcome
  }

  /** Sends a record and responds to everything until it is acknowledged. */
  deliver(value: string): void {
    this.bench.send(value)
    this.bench.step()
    for (const call of this.coordinator.calls.splice(0)) call.succeed()
    this.bench.step()
    for (const request of this.bench.take()) request.respond()
    this.bench.step()
  }
}

export const epochOf = (bench: Bench): number => bench.takeOne().batches[0]!.epoch

export const start = (version2: boolean) => {
  const stage = new TransactionBench(version2)
  stage.begin()
  return {
    stage,
    bench: stage.bench,
    coordinator: stage.coordinator,
    end: (call: 'commit' | 'abort') => stage.end(call),
  }
}
