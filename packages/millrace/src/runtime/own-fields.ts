// Owns the copy of an options object without inherited fields. Callers: all code that reads an
// object of options. Invariant: fields that were added to a polluted Object.prototype have no
// effect.

/**
 * A copy of a plain object that inherits nothing. Any other value (an instance of a class, a
 * function, bytes) is returned unchanged.
 */
export const ownFields = <Value>(value: Value): Value => {
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  return isPlain ? Object.assign(Object.create(null), value) : value
}
