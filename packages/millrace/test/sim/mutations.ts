// Deliberate bugs, by name: each breaks one mechanism, in the simulator only, and some checker
// must see it. They replace public methods of the real classes; what they stand for is in their
// words.

import type { Mutation } from './mutation.ts'
import { clusterMutations } from './mutations-cluster.ts'
import { decisionMutations } from './mutations-decisions.ts'
import { engineMutations } from './mutations-engine.ts'
import { spoolMutations } from './mutations-spool.ts'
import { transactionMutations } from './mutations-transactions.ts'
import { Patches } from './patch.ts'

export const mutations: Readonly<Record<string, Mutation>> = {
  ...engineMutations,
  ...clusterMutations,
  ...decisionMutations,
  ...transactionMutations,
  ...spoolMutations,
}

/** Those that only seeds with transactions can show. */
export const isTransactional = (name: string): boolean => name in transactionMutations

/** Those that only seeds with a spool can show. */
export const isOfSpool = (name: string): boolean => name in spoolMutations

/** Names of mutations whose method or getter the code does not have any more. */
export const staleMutations = (): string[] =>
  Object.keys(mutations).filter((name) => {
    const patches = new Patches()
    try {
      mutations[name]!.install(patches)
      return false
    } catch {
      return true
    } finally {
      patches.undo()
    }
  })
