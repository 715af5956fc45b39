// Owns the interface of what TransactionManager needs from the engine. Implementation:
// engine-parts.ts. Callers: the classes of this folder. Invariant: it has no state.

import type { KafkaError } from '../../protocol/kafka-error.ts'
import type { Deadlines } from '../deadlines.ts'
import type { ProducerIdentityState } from '../dispatch/producer-identity-state.ts'
import type { Measurements } from '../metrics/measurements.ts'

/** What the manager requests from the engine for records and batches. */
export interface TransactionEffects {
  now(): number
  /** Every record is settled, and no request is in flight. */
  isDrained(): boolean
  /** `done` is called when all records taken so far are settled and their callbacks have run. */
  flush(done: () => void): void
  /** Fails all records that are not in flight. */
  failUnsent(error: KafkaError): void
  /** The producer cannot continue: fails all records. */
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
