// What the manager of transactions asks of the engine, which owns it.

import type { KafkaError } from '../protocol/kafka-error.ts'
import type { Deadlines } from './deadlines.ts'
import type { Measurements } from './measurements.ts'
import type { Sequencer } from './sequencer.ts'
import type { EngineHost } from './settings.ts'

/** Told once how a call ended. */
export type TransactionDone = (error: KafkaError | null) => void

/** commit() or abort() as it was called. */
export interface Ending {
  readonly commit: boolean
  readonly done: TransactionDone
}

export interface TransactionOwner {
  readonly host: Pick<EngineHost, 'now'>
  readonly deadlines: Deadlines
  readonly sequencer: Sequencer
  readonly measurements: Measurements
  /** Nothing that was taken is unsettled, and no request is in flight. */
  readonly isDrained: boolean
  /** `done` is called once everything taken so far is settled and told. */
  flush(done: () => void): void
  /** Fails what is not in flight. */
  failUnsent(error: KafkaError): void
  /** The producer is done: fails everything. */
  failEverything(error: KafkaError): void
  /** The partitions may have something to send now. */
  offerAll(): void
  wake(): void
}
