// Deliberate bugs, by name: each breaks one mechanism, in the simulator only, and some checker
// must see it. They replace public methods of the real classes; what they stand for is in their
// words.

import { clusterMutations } from './mutations-cluster.ts'
import { engineMutations } from './mutations-engine.ts'
import type { Patches } from './patch.ts'

export interface Mutation {
  readonly what: string
  install(patches: Patches): void
}

export const mutations: Readonly<Record<string, Mutation>> = {
  ...engineMutations,
  ...clusterMutations,
}
