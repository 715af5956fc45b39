// Tells whether two open descriptors are the same file, by whatever names they were opened.

import { fstatSync } from 'node:fs'

/** The same text for the same file; null for what is not a file: a pipe, a device, a terminal. */
export const fileIdOf = (descriptor: number): string | null => {
  const stat = fstatSync(descriptor, { bigint: true })
  return stat.isFile() ? `${stat.dev} ${stat.ino}` : null
}
