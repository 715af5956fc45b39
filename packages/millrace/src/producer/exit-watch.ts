// Owns the listeners that warn of records without a result when the process ends. A producer is
// watched from its first use until it is closed; all share one listener per event:
//   beforeExit  the event loop is empty, but records have no result (a flush setting may hold
//               them): they are logged and sent, which keeps the process alive meanwhile.
//   exit        process.exit() or an exception: nothing can be sent any more, only logged.
// A signal without a listener ends the process without these events (docs/operations.md). Caller:
// Producer. Invariant: the listeners do not keep the process alive.

import type { Engine } from '../engine/engine.ts'
import type { Logger } from '../runtime/logger.ts'

const watches = new Set<ExitWatch>()

const onBeforeExit = (): void => {
  for (const watch of watches) watch.beforeExit()
}

const onExit = (): void => {
  for (const watch of watches) watch.exit()
}

export class ExitWatch {
  readonly #engine: Engine
  readonly #logger: Logger
  #begun = false
  /** Node emits beforeExit again when the started work has finished; it is handled once. */
  #warned = false

  constructor(engine: Engine, logger: Logger) {
    this.#engine = engine
    this.#logger = logger
  }

  /** The producer is used. Costs one comparison if it was used before. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    if (watches.size === 0) process.on('beforeExit', onBeforeExit).on('exit', onExit)
    watches.add(this)
  }

  /** The producer is closed. A second call has no effect; it cannot begin again. */
  end(): void {
    this.#begun = true
    if (!watches.delete(this) || watches.size > 0) return
    process.off('beforeExit', onBeforeExit).off('exit', onExit)
  }

  beforeExit(): void {
    const count = this.#unsettledCount()
    if (count === 0 || this.#warned) return
    this.#warned = true
    this.#logger.warn(
      `millrace: the event loop is empty, but at least ${count} records are unacknowledged: ` +
        'sending them now. Call close() before the program ends.',
    )
    this.#engine.flush(() => {})
  }

  exit(): void {
    const count = this.#unsettledCount()
    if (count === 0) return
    const lost = this.#engine.hasSpool
      ? 'those that are not on disk yet are lost; the next process sends the others'
      : 'those that the brokers have not received are lost'
    this.#logger.warn(
      `millrace: the process ends while at least ${count} records are unacknowledged: ${lost}. ` +
        'Await close() before the process ends.',
    )
  }

  #unsettledCount(): number {
    return this.#engine.readings.unsettledRecords
  }
}
