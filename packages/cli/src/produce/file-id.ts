// Identifies an open file by device and inode, so that two descriptors of one file compare equal
// whatever names were used to open them. It keeps no state. Callers: dead-letter.ts and input.ts.

import { fstatSync } from 'node:fs'

/** The same text for the same file; null for a pipe, a device, or a terminal. */
export const fileIdOf = (descriptor: number): string | null => {
  const stat = fstatSync(descriptor, { bigint: true })
  return stat.isFile() ? `${stat.dev} ${stat.ino}` : null
}
