// Owns the settings that are read from properties, before they become options of a producer.
// Callers: the files of this folder, and the command line. Invariant: the fields contain
// unencrypted secrets, so nothing prints them.

import type { TlsVersion } from '../../runtime/tls-settings.ts'

/** The properties of a JWT for a token endpoint; each may be missing. */
export interface AssertionAccess {
  /** Path of a file with a JWT that another program renews. */
  file?: string
  /** The private key that signs a JWT: a path or PEM text. */
  privateKey?: string
  /** The passphrase of the key. */
  passphrase?: string
  /** `aud` of the JWT. */
  audience?: string
  /** `iss` of the JWT. */
  issuer?: string
  /** `sub` of the JWT. */
  subject?: string
}

/** The address of the cluster and the identity of the client; each may be missing. */
export interface ConnectionAccess {
  /** Bootstrap servers, each `host:port`. */
  brokers?: readonly string[]
  /** Whether to connect with TLS; missing if the properties do not say. */
  tls?: boolean
  /** Whether to authenticate with SASL; missing if the properties do not say. */
  sasl?: boolean
  /** The certificates of trusted authorities: paths or PEM text. */
  ca?: string | readonly string[]
  /** The client's certificate: a path or PEM text. */
  cert?: string
  /** The private key of the client's certificate: a path or PEM text. */
  key?: string
  /** The passphrase of the key or the store. */
  passphrase?: string
  /** Path of a PKCS #12 file with key and certificate. */
  pfx?: string
  /** Whether to skip the check of the host name in the certificate. */
  skipHostnameCheck?: boolean
  /** The oldest TLS version to accept. */
  minVersion?: TlsVersion
  /** The newest TLS version to accept. */
  maxVersion?: TlsVersion
  /** Kafka's name of the SASL mechanism. */
  saslMechanism?: string
  /** The user name of PLAIN and SCRAM. */
  username?: string
  /** The password of `username`. */
  password?: string
  /** The client's id at the token endpoint. */
  oauthClientId?: string
  /** The client's secret at the token endpoint. */
  oauthClientSecret?: string
  /** Scopes, separated by spaces. */
  oauthScope?: string
  /** URL of the token endpoint. */
  oauthTokenEndpoint?: string
  /** Path of a file that contains a token; in place of the endpoint. */
  oauthTokenFile?: string
  /** SASL extensions that are sent with the token. */
  oauthExtensions?: Readonly<Record<string, string>>
  /**
   * Whether the JWT is exchanged for the token (grant `jwt-bearer`), in place of authenticating the
   * client.
   */
  oauthJwtBearer?: boolean
  /** The JWT for the token endpoint, or the settings to create it. */
  oauthAssertion?: AssertionAccess
  /**
   * The problem with a truststore that only Java can read, unless `ca` has authorities; it is
   * followed by the instruction for the PEM file.
   */
  caProblem?: string
}

/** The meaning of a set of properties: for tools that combine several sources. */
export interface PropertySettings {
  /** The address of the cluster and the identity of the client. */
  readonly access: ConnectionAccess
  /** Other options of the producer, by their names in millrace. */
  readonly options: Record<string, unknown>
  /** Properties without an effect here, as sentences without a secret. */
  readonly warnings: string[]
  /** Problems, without a secret. */
  readonly problems: string[]
}

/**
 * Reads the value of a property; the result is the problem, as the end of a sentence without a
 * secret.
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

/** Uses the value unchanged. */
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

/** Kafka's name of the mechanism; null = an unknown one. */
export const mechanismOf = (word: string): string | null => {
  const name = word.trim().toUpperCase()
  return propertyMechanisms.includes(name) ? name : null
}
