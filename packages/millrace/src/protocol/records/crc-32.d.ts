// Owns the types of the portable checksum file of the package `crc-32`, which types its main file
// only. Caller: crc.ts. Invariant: the signature is that of the package.
declare module 'crc-32/crc32c.js' {
  const crc32c: {
    /** Signed; `seed` is the checksum of the preceding bytes. */
    buf(bytes: ArrayLike<number>, seed?: number): number
  }
  export = crc32c
}
