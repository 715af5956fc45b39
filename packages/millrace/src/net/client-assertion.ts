// Owns how a JWT for a token endpoint is obtained (RFC 7523): from a file, from a function, or
// signed with a private key. The JWT authenticates the client (section 2.2) or is exchanged for a
// token (section 2.1). oauth4webapi signs it. Callers: client-credentials.ts for each token,
// producer/sasl-option.ts for the option. Invariants: a file is read again for each token; no
// message contains a key or a JWT.

import { createPrivateKey, webcrypto } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { SaslError } from '../protocol/sasl/mechanism.ts'
import { Secret } from '../protocol/sasl/secret.ts'
import { readTokenFile } from './token-file.ts'

/** A JWT that the client signs for each token (`private_key_jwt`). */
export interface SignedAssertion {
  /** PEM text, or the path of a file: an RSA key (RS256) or one of the curve P-256 (ES256). */
  readonly privateKey: string
  /** Decrypts the key. */
  readonly passphrase?: string | undefined
  /** `kid` of the key at the authority. */
  readonly keyId?: string | undefined
  /** `aud` of the JWT; the URL of the token endpoint if it is missing. */
  readonly audience?: string | undefined
  /** Additional claims, or other values of `iss` and `sub`, which are `clientId` by default. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/** A JWT for a token endpoint. */
export type ClientAssertion =
  | SignedAssertion
  /** A file with a JWT that another program renews: a projected token of Kubernetes. */
  | { readonly file: string }
  /** A function that returns the JWT. */
  | (() => string | Promise<string>)

type OAuth = typeof import('oauth4webapi')

/** The client that requests a token, and the endpoint. */
export interface TokenRequester {
  readonly clientId: string
  readonly tokenEndpoint: string
}

/** Creates the JWT of a token request; with a key each call signs a new one. */
export type JwtMaker = (requester: TokenRequester) => string | Promise<string>

const jwtForm = /^[\w-]+\.[\w-]+\.[\w-]*$/

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** The problem with the field, as the end of a sentence; null = none. */
export const assertionProblem = (value: unknown): string | null => {
  if (typeof value === 'function') return null
  if (typeof value !== 'object' || value === null) return 'must be an object or a function'
  const { file, privateKey } = value as Record<string, unknown>
  const isOne = isText(file) !== isText(privateKey)
  return isOne ? null : 'must have either file or privateKey, as a string'
}

const givenJwt = async (
  field: string,
  assertion: Exclude<ClientAssertion, SignedAssertion>,
): Promise<string> => {
  const jwt =
    typeof assertion === 'function'
      ? await new Secret(field, assertion).read()
      : await readTokenFile(assertion.file)
  if (jwtForm.test(jwt)) return jwt
  throw new SaslError(`${field} must return a JWT`, true)
}

const algorithms = {
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ec: { name: 'ECDSA', namedCurve: 'P-256' },
} as const

const readKey = async (field: string, { privateKey, passphrase }: SignedAssertion) => {
  let pem = privateKey
  if (!privateKey.includes('-----BEGIN ')) {
    try {
      pem = await readFile(privateKey, 'utf8')
    } catch (error) {
      const { code = 'unknown reason' } = error as NodeJS.ErrnoException
      throw new SaslError(`the file of ${field}.privateKey can't be read: ${code}`, true)
    }
  }
  try {
    const key = createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) })
    const algorithm = algorithms[key.asymmetricKeyType as keyof typeof algorithms]
    const der = key.export({ type: 'pkcs8', format: 'der' })
    return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  } catch {
    throw new SaslError(`${field}.privateKey must be an RSA or P-256 key`, true)
  }
}

/**
 * Reads the file or key that the JWT comes from. `field` names the option. Rejects with a
 * SaslError.
 */
export const readAssertion = async (
  oauth: OAuth,
  field: string,
  assertion: ClientAssertion,
): Promise<JwtMaker> => {
  if (typeof assertion === 'function' || 'file' in assertion) {
    const jwt = await givenJwt(field, assertion)
    return () => jwt
  }
  const key = await readKey(field, assertion)
  return (requester) => sign(oauth, key, assertion, requester)
}

/** oauth4webapi signs client assertions only, and puts them into the form of a request. */
const sign = async (
  oauth: OAuth,
  key: webcrypto.CryptoKey,
  { keyId, audience, claims }: SignedAssertion,
  { clientId, tokenEndpoint }: TokenRequester,
): Promise<string> => {
  const authenticate = oauth.PrivateKeyJwt(keyId === undefined ? key : { key, kid: keyId }, {
    [oauth.modifyAssertion]: (_header, payload) => {
      Object.assign(payload, { aud: audience ?? tokenEndpoint }, claims)
    },
  })
  const form = new URLSearchParams()
  const server = { issuer: new URL(tokenEndpoint).origin }
  await authenticate(server, { client_id: clientId }, form, new Headers())
  return form.get('client_assertion')!
}
