// Options as their caller wrote them: what a polluted Object.prototype would add is not there.
// Callers: everything that reads an object of options.

/**
 * A copy of a plain object that inherits nothing. Any other value (an instance of a class, a
 * function, bytes) as it is.
 */
export const ownFields = <Value>(value: Value): Value => {
  const isPlain =
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  return isPlain ? Object.assign(Object.create(null), value) : value
}
