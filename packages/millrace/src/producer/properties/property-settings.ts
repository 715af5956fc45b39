// What properties by Kafka's own names say, before it becomes options of a producer. Secrets are
// here in the clear, so nothing prints them.

import type { TlsVersion } from '../../runtime/tls-settings.ts'

/** What properties say of a JWT for a token endpoint; all may be missing. */
export interface AssertionAccess {
  /** Path of a file with a JWT that another program renews. */
  file?: string
  /** Path of a private key to sign one with, or PEM text. */
  privateKey?: string
  /** Opens the key. */
  passphrase?: string
  /** `aud` of the JWT. */
  audience?: string
  /** `iss` of the JWT. */
  issuer?: string
  /** `sub` of the JWT. */
  subject?: string
}

/** How to reach the cluster and as whom; all may be missing. */
export interface ConnectionAccess {
  /** Bootstrap servers. */
  brokers?: readonly string[]
  /** True or false only where the source says so itself. */
  tls?: boolean
  /** Whether to authenticate; as with `tls`, only where the source says so. */
  sasl?: boolean
  /** Paths or PEM text. */
  ca?: string | readonly string[]
  /** The client's certificate: a path or PEM text. */
  cert?: string
  /** Its private key: a path or PEM text. */
  key?: string
  /** Opens the key or the store. */
  passphrase?: string
  /** Path of a PKCS #12 file with key and certificate. */
  pfx?: string
  /** The host name in the certificate is not checked. */
  skipHostnameCheck?: boolean
  /** The oldest version of TLS. */
  minVersion?: TlsVersion
  /** The newest version of TLS. */
  maxVersion?: TlsVersion
  /** The mechanism by Kafka's name. */
  saslMechanism?: string
  /** The user name of PLAIN and SCRAM. */
  username?: string
  /** Its password. */
  password?: string
  /** The client's id at the token endpoint. */
  oauthClientId?: string
  /** Its secret. */
  oauthClientSecret?: string
  /** Scopes, separated by spaces. */
  oauthScope?: string
  /** URL of the token endpoint. */
  oauthTokenEndpoint?: string
  /** Path of a file that holds a token; instead of the endpoint. */
  oauthTokenFile?: string
  /** SASL extensions that are sent with the token. */
  oauthExtensions?: Readonly<Record<string, string>>
  /** The JWT is exchanged for the token (`jwt-bearer`), and does not prove who the client is. */
  oauthJwtBearer?: boolean
  /** The JWT for the token endpoint, or what to make it of. */
  oauthAssertion?: AssertionAccess
  /**
   * What to say of a truststore that only Java reads, unless `ca` names authorities after all; what
   * to do with the PEM file follows.
   */
  caProblem?: string
}

/** What a set of properties means: for tools that lay several sources over each other. */
export interface PropertySettings {
  /** How to reach the cluster and as whom. */
  readonly access: ConnectionAccess
  /** Other options of the producer, by our names. */
  readonly options: Record<string, unknown>
  /** What has no effect here, as sentences without a secret. */
  readonly warnings: string[]
  /** What is wrong, without a secret. */
  readonly problems: string[]
}

/**
 * Takes a property's value; what is wrong with it is the result, as the end of a sentence without
 * a secret.
 */
export type Take = (value: string, settings: PropertySettings) => string | undefined

type AccessText =
  | 'ca'
  | 'cert'
  | 'key'
  | 'passphrase'
  | 'username'
  | 'password'
  | 'oauthClientId'
  | 'oauthClientSecret'
  | 'oauthScope'

/** Takes a value as it is. */
export const accessText =
  (name: AccessText): Take =>
  (value, { access }) => {
    access[name] = value
    return undefined
  }

export const emptySettings = (): PropertySettings => ({
  access: {},
  options: {},
  warnings: [],
  problems: [],
})

/** The mechanisms that properties can name. */
export const propertyMechanisms: readonly string[] = [
  'PLAIN',
  'SCRAM-SHA-256',
  'SCRAM-SHA-512',
  'OAUTHBEARER',
]

/** The mechanism's name as Kafka writes it; null = none of these. */
export const mechanismOf = (word: string): string | null => {
  const name = word.trim().toUpperCase()
  return propertyMechanisms.includes(name) ? name : null
}
