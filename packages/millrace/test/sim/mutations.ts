// Deliberate bugs, by name: each breaks one mechanism, in the simulator only, and some checker
// must see it. They replace public methods of the real classes; what they stand for is in their
// words.

import type { Mutation } from './mutation.ts'
import { clusterMutations } from './mutations-cluster.ts'
import { engineMutations } from './mutations-engine.ts'
import { transactionMutations } from './mutations-transactions.ts'

export const mutations: Readonly<Record<string, Mutation>> = {
  ...engineMutations,
  ...clusterMutations,
  ...transactionMutations,
}

/** Those that only seeds with transactions can show. */
export const isTransactional = (name: string): boolean => name in transactionMutations
