// Owns the messages of SCRAM (RFC 5802 and 7677): encoding, decoding and proofs. The derivation of
// keys is slow by design and runs on libuv's thread pool. Caller: scram-mechanism.ts. Invariant:
// texts are used unchanged in UTF-8, without SASLprep, as Kafka stores and checks them.
//
//   client: n,,n=NAME,r=NONCE  ──►          server: r=NONCE+MORE,s=SALT,i=COUNT
//   client: c=biws,r=…,p=PROOF ──►          server: v=SIGNATURE, or e=WHY NOT

import { nodeCrypto } from '../../runtime/lazy-builtins.ts'
import { SaslError } from './mechanism.ts'

export type ScramHash = 'sha256' | 'sha512'

/** Kafka's minimum, and a maximum that prevents a hostile server from using a core for minutes. */
export const iterationsMin = 4096
export const iterationsMax = 1_000_000

/** Limit of a server's message; Kafka's are shorter than 300. */
const messageBytesMax = 8192
const saltBytesMax = 1024

/** The header for "no channel binding, no authorization id": `n,,`, and its base64. */
const gs2Header = 'n,,'
const channelBinding = 'biws'

/** The two keys that are derived from a password, a salt and an iteration count. */
export interface ScramKeys {
  readonly clientKey: Buffer
  readonly serverKey: Buffer
}

export interface ServerFirst {
  readonly nonce: string
  readonly salt: Buffer
  readonly iterations: number
}

const escapeName = (username: string): string =>
  username.replaceAll('=', '=3D').replaceAll(',', '=2C')

/** The first message without its header: it is part of the signed text. */
export const clientFirstBare = (username: string, nonce: string): string =>
  `n=${escapeName(username)},r=${nonce}`

export const clientFirst = (bare: string): Uint8Array => Buffer.from(`${gs2Header}${bare}`)

const textOf = (message: Uint8Array): string => {
  if (message.length > messageBytesMax) {
    throw new SaslError(`the broker's SCRAM message has ${message.length} bytes`)
  }
  const text = Buffer.from(message).toString('utf8')
  if (/^m=|,m=/.test(text)) throw new SaslError('the broker requires an unknown SCRAM extension')
  return text
}

/** Strict base64: Buffer.from would accept anything. */
const bytesOf = (base64: string): Buffer | null => {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)
  return isBase64 ? Buffer.from(base64, 'base64') : null
}

/** Throws if the message is invalid, or its numbers are outside the limits. */
export const readServerFirst = (message: Uint8Array, clientNonce: string): ServerFirst => {
  const match = /^r=([^,]*),s=([^,]*),i=([0-9]{1,10})(?:,.*)?$/s.exec(textOf(message))
  if (match === null) throw new SaslError("the broker's first SCRAM message is malformed")
  const [, nonce = '', saltText = '', iterationsText = ''] = match
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    throw new SaslError("the broker's SCRAM nonce does not continue ours")
  }
  if (!/^[\x21-\x7e]+$/.test(nonce)) throw new SaslError("the broker's SCRAM nonce is malformed")
  const salt = bytesOf(saltText)
  if (salt === null || salt.length === 0 || salt.length > saltBytesMax) {
    throw new SaslError("the broker's SCRAM salt is malformed")
  }
  const iterations = Number(iterationsText)
  if (iterations < iterationsMin || iterations > iterationsMax) {
    throw new SaslError(
      `the broker's SCRAM iterations must be from ${iterationsMin} to ${iterationsMax}, ` +
        `got ${iterations}`,
    )
  }
  return { nonce, salt, iterations }
}

const hmac = (hash: ScramHash, key: Uint8Array, text: string): Buffer =>
  nodeCrypto().createHmac(hash, key).update(text).digest()

const keyBytes = { sha256: 32, sha512: 64 } as const

/** Derives the keys; the time depends on the broker's iteration count. */
export const deriveKeys = (
  hash: ScramHash,
  password: string,
  { salt, iterations }: Pick<ServerFirst, 'salt' | 'iterations'>,
): Promise<ScramKeys> =>
  new Promise((resolve, reject) => {
    nodeCrypto().pbkdf2(password, salt, iterations, keyBytes[hash], hash, (error, salted) => {
      if (error !== null) reject(error)
      else {
        resolve({
          clientKey: hmac(hash, salted, 'Client Key'),
          serverKey: hmac(hash, salted, 'Server Key'),
        })
      }
    })
  })

export interface ClientFinal {
  readonly message: Uint8Array
  /** The expected signature of a server that knows the password. */
  readonly serverSignature: Buffer
}

/** `bare` and `serverFirst` are the previous messages, unchanged. */
export const clientFinal = (
  hash: ScramHash,
  keys: ScramKeys,
  bare: string,
  serverFirst: Uint8Array,
  nonce: string,
): ClientFinal => {
  const withoutProof = `c=${channelBinding},r=${nonce}`
  const signed = `${bare},${Buffer.from(serverFirst).toString('utf8')},${withoutProof}`
  const storedKey = nodeCrypto().createHash(hash).update(keys.clientKey).digest()
  const proof = hmac(hash, storedKey, signed)
  for (let index = 0; index < proof.length; index++) proof[index]! ^= keys.clientKey[index]!
  return {
    message: Buffer.from(`${withoutProof},p=${proof.toString('base64')}`),
    serverSignature: hmac(hash, keys.serverKey, signed),
  }
}

/** Throws unless the server has proved that it knows the password. */
export const checkServerFinal = (message: Uint8Array, expected: Buffer): void => {
  const text = textOf(message)
  const failure = /^e=([^,]*)/.exec(text)
  if (failure !== null) throw new SaslError(`the broker refuses: ${failure[1]}`)
  const signature = /^v=([^,]*)(?:,.*)?$/s.exec(text)
  const bytes = signature === null ? null : bytesOf(signature[1] ?? '')
  if (bytes === null) throw new SaslError("the broker's last SCRAM message is malformed")
  if (bytes.length !== expected.length || !nodeCrypto().timingSafeEqual(bytes, expected)) {
    throw new SaslError("the broker's SCRAM signature is wrong: it does not know the password")
  }
}
