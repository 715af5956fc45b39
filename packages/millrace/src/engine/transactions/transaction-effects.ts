// What TransactionManager needs of the engine. engine-parts.ts implements it.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { Deadlines } from '../deadlines.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import type { Measurements } from '../metrics/measurements.ts'

/** What the manager requests of the engine for records and batches. */
export interface TransactionEffects {
  now(): number
  /** Nothing that was taken is unsettled, and no request is in flight. */
  isDrained(): boolean
  /** `done` is called once everything taken so far is settled and its callbacks have run. */
  flush(done: () => void): void
  /** Fails what is not in flight. */
  failUnsent(error: KafkaError): void
  /** The producer cannot continue: fails everything. */
  failEverything(error: KafkaError): void
  /** The partitions may have something to send now. */
  offerAll(): void
  wake(): void
}

/** The parts of the engine that transactions need. */
export interface TransactionParts {
  readonly identityState: ProducerIdentityState
  readonly deadlines: Deadlines
  readonly measurements: Measurements
  readonly effects: TransactionEffects
}
