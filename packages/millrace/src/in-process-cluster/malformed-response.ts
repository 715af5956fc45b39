// Damages a response so that no client can read it: its size, its end, or its content. It keeps no
// state. Caller: node-connection.ts, for the fault `malformed`.

export const malformedKinds = ['huge', 'truncated', 'garbage'] as const

/**
 * - `huge`: it announces 2 GiB.
 * - `truncated`: its second half is missing.
 * - `garbage`: behind its correlation id, every byte is 127: counts and lengths are past its end.
 */
export type MalformedKind = (typeof malformedKinds)[number]

const sizeBytes = 4
const correlationIdBytes = 4

/** Returns the response, including its size field, with the damage of this kind. */
export const malform = (response: Uint8Array, kind: MalformedKind): Uint8Array => {
  const contentBytes = response.length - sizeBytes - correlationIdBytes
  const kept = kind === 'truncated' ? response.length - Math.ceil(contentBytes / 2) : undefined
  const bytes = Buffer.from(response.subarray(0, kept))
  if (kind === 'garbage') bytes.fill(0x7f, sizeBytes + correlationIdBytes)
  bytes.writeInt32BE(kind === 'huge' ? 2 ** 31 - 1 : bytes.length - sizeBytes)
  return bytes
}
