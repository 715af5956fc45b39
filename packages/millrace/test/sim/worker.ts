// One process of the simulator: runs the seeds that scripts/sim.mjs sends it, and responds to each
// with its outcome.

import { runSeed } from './run.ts'
import { runSpoolSeed } from './spool-run.ts'
import { runTransactionSeed } from './transaction-run.ts'

interface Task {
  readonly seed: number
  readonly mutation?: string
  readonly keepsTrace?: boolean
  /** What the seed stands for a run of. */
  readonly kind: 'plain' | 'transactions' | 'spool'
}

const runs = { plain: runSeed, transactions: runTransactionSeed, spool: runSpoolSeed }

const crashed = (seed: number, error: unknown) => ({
  seed,
  failures: [`crash: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`],
  traceLines: [],
  records: 0,
  failed: 0,
  maybe: 0,
  faults: 0,
  virtualMs: 0,
  steps: 0,
})

process.on('message', (task: Task) => {
  const { seed, mutation, keepsTrace, kind } = task
  runs[kind](seed, { mutation, keepsTrace: keepsTrace ?? false }).then(
    (outcome) => process.send?.(outcome),
    (error) => process.send?.(crashed(seed, error)),
  )
})
