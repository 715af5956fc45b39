// Says what the process is about to lose, through the producer's logger. A producer is watched from
// its first use until it is closed; all share one listener for each of two moments:
//   beforeExit  nothing keeps the process alive, yet records have no result (a flush setting holds
//               them, say): they are named and sent, which keeps it alive until they are settled.
//   exit        process.exit() or an exception: nothing can be sent any more, only said.
// A signal without a listener ends the process without either (docs/operations.md). The listeners
// keep no process alive. Callers: Producer.

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
  /** Node calls beforeExit again when what it began is done; it is done once. */
  #warned = false

  constructor(engine: Engine, logger: Logger) {
    this.#engine = engine
    this.#logger = logger
  }

  /** The producer is used. Costs a comparison when it was before. */
  begin(): void {
    if (this.#begun) return
    this.#begun = true
    if (watches.size === 0) process.on('beforeExit', onBeforeExit).on('exit', onExit)
    watches.add(this)
  }

  /** The producer is closed. Twice is harmless; it does not begin again. */
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
      `millrace: the process has nothing else to do, but ${count} or more records have no ` +
        'result: they are sent now. Call close() when you are done.',
    )
    this.#engine.flush(() => {})
  }

  exit(): void {
    const count = this.#unsettledCount()
    if (count === 0) return
    const lost = this.#engine.hasSpool
      ? 'what is not on disk yet is lost, the rest is left to the next process'
      : 'what the brokers have not yet is lost'
    this.#logger.warn(
      `millrace: the process ends while ${count} or more records have no result: ${lost}. ` +
        'Await close() first.',
    )
  }

  #unsettledCount(): number {
    return this.#engine.readings.unsettledRecords
  }
}
