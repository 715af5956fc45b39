// Tokens in a file that another program renews: a projected token of Kubernetes, a side process.
// Each call reads the file again.

import { readFile } from 'node:fs/promises'
import { SaslError } from '../protocol/sasl/mechanism.ts'
import type { TokenProvider } from './token-source.ts'

/** The file's text. No message shows it; the path is shown. */
export const readTokenFile = async (path: string): Promise<string> => {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new SaslError(`the token file ${path} can't be read: ${code ?? 'unknown reason'}`, true)
  }
}

/** A provider of the token in a file. */
export const tokenFileProvider =
  (path: string, extensions: Readonly<Record<string, string>> | undefined): TokenProvider =>
  async () => ({ value: await readTokenFile(path), extensions })
