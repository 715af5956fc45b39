// The shapes of a mutation: most replace one method, or one getter, of one class.

import type { Patches } from './patch.ts'

export interface Mutation {
  readonly what: string
  install(patches: Patches): void
}

interface ClassOf<Target> {
  readonly prototype: Target
}

export const mutation = (what: string, install: Mutation['install']): Mutation => ({
  what,
  install,
})

/** Replaces one method by what `make` returns for the original. */
export const inMethod = <Target extends object, Name extends keyof Target>(
  what: string,
  { prototype }: ClassOf<Target>,
  name: Name,
  make: (original: Target[Name]) => Target[Name],
): Mutation => mutation(what, (patches) => patches.method(prototype, name, make))

/** The same for a getter. */
export const inGetter = <Target extends object, Name extends keyof Target>(
  what: string,
  { prototype }: ClassOf<Target>,
  name: Name,
  make: (original: (this: Target) => Target[Name]) => (this: Target) => Target[Name],
): Mutation => mutation(what, (patches) => patches.getter(prototype, name, make))
