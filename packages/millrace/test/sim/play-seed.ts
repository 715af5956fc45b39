// One run from its first turn to its outcome, whatever kind of world it has: the mutation is put in
// and taken out, what throws or rejects unheard is a failure, and what came of it is counted.

import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import type { Ledger } from './ledger.ts'
import type { Log } from './log.ts'
import { mutations } from './mutations.ts'
import { Patches } from './patch.ts'

export interface RunOptions {
  readonly mutation?: string | undefined
  /** Write down what happens; the run is the same. */
  readonly keepsTrace?: boolean
}

export interface Outcome {
  readonly seed: number
  /** What was found wrong, `check: message`; empty = a pass. */
  readonly failures: readonly string[]
  readonly traceLines: readonly string[]
  readonly records: number
  readonly failed: number
  /** Of the failed ones: persisted maybe. */
  readonly maybe: number
  readonly faults: number
  readonly virtualMs: number
  readonly steps: number
}

/** What a run needs of its world. */
export interface SeedWorld {
  /** Of the whole run, once it has been played. */
  readonly counts: Pick<Outcome, 'records' | 'failed' | 'maybe'>
  readonly clock: VirtualClock
  readonly faults: number
  /** Plays, and judges. */
  live(): Promise<void>
}

export const playSeed = async (
  seed: number,
  { keepsTrace = false, mutation }: RunOptions,
  start: (keepsTrace: boolean, patches: Patches) => Promise<readonly [SeedWorld, Log]>,
): Promise<Outcome> => {
  const patches = new Patches()
  const rejections: unknown[] = []
  const onRejection = (reason: unknown): void => {
    rejections.push(reason)
  }
  process.on('unhandledRejection', onRejection)
  try {
    const [world, log] = await start(keepsTrace, patches)
    if (mutation !== undefined) mutations[mutation]!.install(patches)
    try {
      await world.live()
    } catch (error) {
      log.fail('crash', error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    for (const reason of rejections) log.fail('unhandled rejection', String(reason))
    return outcomeOf(seed, world, log)
  } finally {
    process.off('unhandledRejection', onRejection)
    patches.undo()
  }
}

/** The counts of a world that keeps a ledger. */
export const countsOf = ({ entries }: Ledger): SeedWorld['counts'] => {
  const failed = entries.filter(({ error }) => error !== null)
  return {
    records: entries.filter(({ taken }) => taken).length,
    failed: failed.length,
    maybe: failed.filter(({ error }) => error?.persisted === 'maybe').length,
  }
}

const outcomeOf = (seed: number, { counts, clock, faults }: SeedWorld, log: Log): Outcome => ({
  seed,
  failures: log.failures,
  traceLines: log.traceLines,
  ...counts,
  faults,
  virtualMs: clock.now(),
  steps: clock.steps,
})
