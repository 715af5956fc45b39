// Replaces methods of classes for the length of a run: the simulator's hooks into the in-process
// cluster, and its mutations. What was there before comes back with undo(), in reverse order.

type Method = (this: never, ...values: never[]) => unknown

export class Patches {
  readonly #undo: (() => void)[] = []

  /** Replaces `target[name]` by what `make` returns for the original. */
  method<Target extends object, Name extends keyof Target>(
    target: Target,
    name: Name,
    make: (original: Target[Name]) => Target[Name],
  ): void {
    const before = Object.getOwnPropertyDescriptor(target, name)
    if (before === undefined) throw new Error(`there is no own ${String(name)} to replace`)
    const value = make(target[name]) as Method
    Object.defineProperty(target, name, { ...before, value })
    this.#undo.push(() => Object.defineProperty(target, name, before))
  }

  /** Replaces a getter. */
  getter<Target extends object, Name extends keyof Target>(
    target: Target,
    name: Name,
    make: (original: (this: Target) => Target[Name]) => (this: Target) => Target[Name],
  ): void {
    const before = Object.getOwnPropertyDescriptor(target, name)
    if (before?.get === undefined) throw new Error(`there is no getter ${String(name)} to replace`)
    Object.defineProperty(target, name, { ...before, get: make(before.get) })
    this.#undo.push(() => Object.defineProperty(target, name, before))
  }

  undo(): void {
    for (const each of this.#undo.reverse()) each()
    this.#undo.length = 0
  }
}
