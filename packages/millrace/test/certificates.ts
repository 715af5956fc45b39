// Certificates for tests of TLS, made when they are needed: no key lies in the repository. Both
// ends of every suite read the same PEM texts (Kafka too: stores of the type PEM). Keys are of the
// curve P-256, which are made in a millisecond.

import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import { systemClock } from '../src/runtime/clock.ts'

type KeyPair = webcrypto.CryptoKeyPair

/** PEM texts of a certificate and its private key (PKCS#8). */
export interface Identity {
  readonly cert: string
  readonly key: string
}

export interface TestCertificates {
  /** Whom the clients and the broker of a test trust. */
  readonly ca: string
  /** For `localhost`, 127.0.0.1 and ::1. */
  readonly server: Identity
  /** For `elsewhere.example` only. */
  readonly wrongHost: Identity
  /** For the right host, and past its end since a day. */
  readonly expired: Identity
  /** Of a client named `test-client`. */
  readonly client: Identity
  /** Another authority: it signed nothing of the above. */
  readonly otherCa: string
  /** For the right host, signed by the other authority. */
  readonly otherServer: Identity
  /** A client whom only the other authority knows. */
  readonly otherClient: Identity
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const dayMs = 24 * 60 * 60 * 1000
const localNames = [
  { type: 'dns', value: 'localhost' },
  { type: 'ip', value: '127.0.0.1' },
  { type: 'ip', value: '::1' },
] as const

const { subtle } = webcrypto

const newKeys = async (): Promise<KeyPair> => {
  return subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

const pemOfKey = async (keys: KeyPair): Promise<string> =>
  PemConverter.encode(await subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')

interface Authority {
  readonly certificate: X509Certificate
  readonly keys: KeyPair
}

const newAuthority = async (name: string): Promise<Authority> => {
  const keys = await newKeys()
  const now = systemClock.wallTime()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + dayMs),
    signingAlgorithm: algorithm,
    keys: keys,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  })
  return { certificate, keys }
}

interface Wanted {
  readonly name: string
  readonly extensions: readonly Extension[]
  /** From now; a day by default, negative = it is over. */
  readonly endsInMs?: number
}

const issue = async (authority: Authority, wanted: Wanted): Promise<Identity> => {
  const keys = await newKeys()
  const now = systemClock.wallTime()
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${wanted.name}`,
    issuer: authority.certificate.subject,
    notBefore: new Date(now - 2 * dayMs),
    notAfter: new Date(now + (wanted.endsInMs ?? dayMs)),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ...wanted.extensions,
    ],
  })
  return { cert: certificate.toString('pem'), key: await pemOfKey(keys) }
}

const serverFor = (names: readonly { type: 'dns' | 'ip'; value: string }[]): Extension[] => [
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
  new SubjectAlternativeNameExtension([...names]),
]

const clientExtensions = (): Extension[] => [
  new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
]

/** A whole set, all new. */
export const makeCertificates = async (): Promise<TestCertificates> => {
  const [own, other] = await Promise.all([newAuthority('Test CA'), newAuthority('Other CA')])
  const local = serverFor(localNames)
  const away = serverFor([{ type: 'dns', value: 'elsewhere.example' }])
  return {
    ca: own.certificate.toString('pem'),
    server: await issue(own, { name: 'localhost', extensions: local }),
    wrongHost: await issue(own, { name: 'elsewhere.example', extensions: away }),
    expired: await issue(own, { name: 'localhost', extensions: local, endsInMs: -dayMs }),
    client: await issue(own, { name: 'test-client', extensions: clientExtensions() }),
    otherCa: other.certificate.toString('pem'),
    otherServer: await issue(other, { name: 'localhost', extensions: local }),
    otherClient: await issue(other, { name: 'test-client', extensions: clientExtensions() }),
  }
}

/** An authority that issues as many certificates as a test needs. */
export interface TestAuthority {
  readonly cert: string
  /** For `localhost` and its addresses. */
  server(): Promise<Identity>
  client(name: string): Promise<Identity>
}

export const makeAuthority = async (name: string): Promise<TestAuthority> => {
  const authority = await newAuthority(name)
  return {
    cert: authority.certificate.toString('pem'),
    server: () => issue(authority, { name: 'localhost', extensions: serverFor(localNames) }),
    client: (client) => issue(authority, { name: client, extensions: clientExtensions() }),
  }
}

/** A server's certificate for `localhost` and its addresses that no authority signed. */
export const makeSelfSigned = async (): Promise<Identity> => {
  const keys = await newKeys()
  const now = systemClock.wallTime()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=self-signed',
    notBefore: new Date(now - dayMs),
    notAfter: new Date(now + dayMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: serverFor(localNames),
  })
  return { cert: certificate.toString('pem'), key: await pemOfKey(keys) }
}
