// The package `crc-32` types its main file only.
declare module 'crc-32/crc32c.js' {
  const crc32c: {
    /** Signed; `seed` is the sum of the bytes before. */
    buf(bytes: ArrayLike<number>, seed?: number): number
  }
  export = crc32c
}
