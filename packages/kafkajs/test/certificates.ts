// Certificates for the tests of TLS, made by millrace's own test kit in its built form.

import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** PEM texts of a certificate and its private key. */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface Certificates {
  readonly ca: string
  /** For `localhost` and 127.0.0.1. */
  readonly server: Identity
  /** For `elsewhere.example` only. */
  readonly wrongHost: Identity
  readonly expired: Identity
  readonly client: Identity
}

export const makeCertificates = async (): Promise<Certificates> => {
  const folder = dirname(createRequire(import.meta.url).resolve('millrace/package.json'))
  const kit = await import(pathToFileURL(join(folder, 'dist/test/certificates.js')).href)
  return kit.makeCertificates()
}
