// The server side of SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677): the stored credentials,
// and the exchange of two messages in each direction. It must not share code with the client side,
// so that each tests the other. Kafka's rules: no channel binding, at least 4096 iterations, and
// the client does not receive the reason of a failure. Caller: sasl-service.ts.

import { Buffer } from 'node:buffer'
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { type Random, randomBelow } from '../runtime/random.ts'
import { actsForAnother, hiddenRefusal, type SaslReply, type SaslServer } from './sasl-mechanism.ts'

export type ScramHash = 'sha256' | 'sha512'

/** The data that a server stores instead of a password. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly iterations: number
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const iterations = 4096
const saltBytes = 16
const nonceCharacters = 24
const keyBytes = { sha256: 32, sha512: 64 } as const satisfies Record<ScramHash, number>
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer =>
  createHmac(hash, key).update(text).digest()

const digest = (hash: ScramHash, bytes: Uint8Array): Buffer =>
  createHash(hash).update(bytes).digest()

export const scramCredential = (
  hash: ScramHash,
  password: string,
  random: Random,
): ScramCredential => {
  const salt = Buffer.from(Array.from({ length: saltBytes }, () => randomBelow(random, 256)))
  const salted = pbkdf2Sync(password, salt, iterations, keyBytes[hash], hash)
  return {
    salt,
    iterations,
    storedKey: digest(hash, hmac(hash, salted, 'Client Key')),
    serverKey: hmac(hash, salted, 'Server Key'),
  }
}

interface FirstMessage {
  /** `n,,` or `n,a=name,`. */
  readonly header: string
  readonly authorizationId: string
  readonly user: string
  readonly nonce: string
  /** The part after the header, which is part of the signed text. */
  readonly bare: string
}

// A name contains commas and equals signs only as =2C and =3D; a nonce is printable, without
// commas.
const name = '(?:[^\\0,=]|=2C|=3D)+'
const printable = '[\\x21-\\x2b\\x2d-\\x7e]+'
const base64 = '[A-Za-z0-9+/]+={0,2}'
const more = '(?:,[A-Za-z]=[^\\0,]*)*'
const firstPattern = new RegExp(`^(n,(?:a=(${name}))?,)(n=(${name}),r=(${printable})${more})$`)
const finalPattern = new RegExp(`^(c=(${base64}),r=(${printable})${more}),p=(${base64})$`)

const nameOf = (text: string): string => text.replaceAll('=2C', ',').replaceAll('=3D', '=')

const parseFirst = (text: string): FirstMessage => {
  const match = firstPattern.exec(text)
  if (match === null) throw hiddenRefusal('Invalid SCRAM client first message format')
  const [, header = '', authorizationId = '', bare = '', user = '', nonce = ''] = match
  return {
    header,
    authorizationId: nameOf(authorizationId),
    user: nameOf(user),
    nonce,
    bare,
  }
}

interface Exchange {
  readonly first: FirstMessage
  readonly credential: ScramCredential
  readonly nonce: string
  readonly challenge: string
}

export class ScramServer implements SaslServer {
  readonly #hash: ScramHash
  readonly #credentialOf: (user: string) => ScramCredential | undefined
  readonly #random: Random
  /** null until the first message has arrived. */
  #exchange: Exchange | null = null

  constructor(
    hash: ScramHash,
    credentialOf: (user: string) => ScramCredential | undefined,
    random: Random,
  ) {
    this.#hash = hash
    this.#credentialOf = credentialOf
    this.#random = random
  }

  evaluate(token: Uint8Array): SaslReply {
    const text = Buffer.from(token).toString()
    return this.#exchange === null ? this.#onFirst(text) : this.#onFinal(text, this.#exchange)
  }

  #onFirst(text: string): SaslReply {
    const first = parseFirst(text)
    const credential = this.#credentialOf(first.user)
    if (credential === undefined)
      throw hiddenRefusal('Authentication failed: Invalid user credentials')
    if (first.authorizationId !== '' && first.authorizationId !== first.user) {
      throw actsForAnother()
    }
    const nonce = first.nonce + this.#newNonce()
    const salt = credential.salt.toString('base64')
    const challenge = `r=${nonce},s=${salt},i=${credential.iterations}`
    this.#exchange = { first, credential, nonce, challenge }
    return { challenge: Buffer.from(challenge), identity: null }
  }

  #onFinal(text: string, { first, credential, nonce, challenge }: Exchange): SaslReply {
    const match = finalPattern.exec(text)
    if (match === null) throw hiddenRefusal('Invalid SCRAM client final message format')
    const [, bare = '', binding = '', echoed = '', proof = ''] = match
    if (echoed !== nonce) throw hiddenRefusal('Invalid client nonce in the final client message.')
    if (Buffer.from(binding, 'base64').toString() !== first.header) {
      throw hiddenRefusal('The final message repeats another header than the first one had')
    }
    const signed = `${first.bare},${challenge},${bare}`
    const signature = hmac(this.#hash, credential.storedKey, signed)
    const shown = Buffer.from(proof, 'base64')
    if (shown.length !== signature.length) throw hiddenRefusal('Invalid client credentials')
    const clientKey = shown.map((byte, index) => byte ^ signature[index]!)
    if (!timingSafeEqual(digest(this.#hash, clientKey), credential.storedKey)) {
      throw hiddenRefusal('Invalid client credentials')
    }
    const proofOfServer = hmac(this.#hash, credential.serverKey, signed).toString('base64')
    return {
      challenge: Buffer.from(`v=${proofOfServer}`),
      identity: { principal: first.user, expiresAt: null },
    }
  }

  #newNonce(): string {
    return Array.from(
      { length: nonceCharacters },
      () => alphabet[randomBelow(this.#random, alphabet.length)],
    ).join('')
  }
}
