// Deliberate bugs, by name: each breaks one mechanism, in the simulator only, and some checker
// must see it. They replace public methods of the real classes; what they stand for is in their
// words.

import type { Mutation } from './mutation.ts'
import { clusterMutations } from './mutations-cluster.ts'
import { engineMutations } from './mutations-engine.ts'

export const mutations: Readonly<Record<string, Mutation>> = {
  ...engineMutations,
  ...clusterMutations,
}
