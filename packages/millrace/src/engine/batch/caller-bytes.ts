// Reads and copies the bytes of a record that the application passed. RecordEncoder calls it.
//
// The number of bytes that was measured must be the number that is written, so no function here
// trusts what the application can change: an own `length` property, a subclass with other getters,
// a buffer that was detached or resized, or shared memory that another thread changes.

const typedArrayPrototype: object = Object.getPrototypeOf(Uint8Array.prototype)
const getterOf = (name: string): ((this: Uint8Array) => unknown) =>
  Object.getOwnPropertyDescriptor(typedArrayPrototype, name)!.get!
const lengthGetter = getterOf('length') as (this: Uint8Array) => number
const bufferGetter = getterOf('buffer') as (this: Uint8Array) => ArrayBufferLike
const offsetGetter = getterOf('byteOffset') as (this: Uint8Array) => number
const { indexOf } = Uint8Array.prototype

/** Up to this length, a loop copies faster than a native call. */
const shortBytes = 24

/** The real length, whatever `bytes.length` returns. Throws if the value is not a Uint8Array. */
export const lengthOf = (bytes: Uint8Array): number => {
  // V8 inlines the getter only after it has checked the object's shape. This read makes it check.
  bytes[0]
  return lengthGetter.call(bytes)
}

/**
 * False if the buffer was detached or shrunk. Such an array has the length 0, as an empty one has,
 * but `indexOf` throws for it.
 */
export const isReadable = (bytes: Uint8Array): boolean => {
  try {
    indexOf.call(bytes, 0)
    return true
  } catch {
    return false
  }
}

/** A view of `bytes[start, end)` that does not use the array's own properties. */
const viewOf = (bytes: Uint8Array, start: number, end: number): Uint8Array =>
  new Uint8Array(bufferGetter.call(bytes), offsetGetter.call(bytes) + start, end - start)

/** A copy of the first `length` bytes, which the application can't change. */
export const snapshot = (bytes: Uint8Array, length: number): Buffer => {
  const copy = Buffer.allocUnsafeSlow(length)
  copyBytes(bytes, 0, length, copy, 0)
  return copy
}

/** Copies `source[start, end)` to `position` in `target`; returns the position after the copy. */
export const copyBytes = (
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  position: number,
): number => {
  if (end - start > shortBytes) return copyLong(source, start, end, target, position)
  while (start < end) target[position++] = source[start++]!
  return position
}

/** Separate from copyBytes, so that V8 can inline the loop for short bytes. */
const copyLong = (
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  position: number,
): number => {
  if (start === 0 && end === lengthOf(source)) {
    try {
      target.set(source, position)
      return position + end
    } catch {
      // Another thread made the shared memory longer after lengthOf, so it no longer fits the
      // target. The view below has the measured length.
    }
  }
  target.set(viewOf(source, start, end), position)
  return position + end - start
}
