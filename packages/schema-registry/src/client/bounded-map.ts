// A Map with a maximum number of entries: beyond it, the entry that was set longest ago is removed.
// A `get` does not change the order. Callers: schema-registry.ts (schemas by id), subject-cache.ts
// (subjects), and schema-deserializer.ts (compiled schemas). All of them can load an entry again.

export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.delete(key)
    const oldest = this.#entries.keys().next()
    if (this.#entries.size >= this.#max && !oldest.done) this.#entries.delete(oldest.value)
    this.#entries.set(key, value)
  }

  delete(key: Key): void {
    this.#entries.delete(key)
  }
}
