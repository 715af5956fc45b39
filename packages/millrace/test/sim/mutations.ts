// Deliberate bugs.

import type { Patches } from './patch.ts'

export interface Mutation {
  readonly what: string
  install(patches: Patches): void
}

export const mutations: Readonly<Record<string, Mutation>> = {}
