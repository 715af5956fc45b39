// Owns how a token is read from a file that another program renews, such as a projected token of
// Kubernetes. Callers: client-assertion.ts, producer/sasl-option.ts. Invariant: each call reads the
// file again, and no message contains its text.

import { readFile } from 'node:fs/promises'
import { SaslError } from '../protocol/sasl/mechanism.ts'
import { shownPath } from '../runtime/shown-path.ts'
import type { TokenProvider } from './token-source.ts'

/** The text of the file. A message contains the path, if it is one, and never the text. */
export const readTokenFile = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException
    throw new SaslError(`the token file ${shownPath(path, code)} can't be read: ${code}`, true)
  }
}

/** Returns a provider that reads the token from the file. */
export const tokenFileProvider =
  (path: string, extensions: Readonly<Record<string, string>> | undefined): TokenProvider =>
  async () => ({ value: await readTokenFile(path), extensions })
