// What the sources of settings (a properties file, the environment, flags) say, before it becomes
// options of a producer. Each source fills a Settings of its own; resolve.ts lays them over each
// other. Secrets are here in the clear, so nothing prints a Settings.

/** How to reach the cluster and as whom; all may be missing. */
export interface Access {
  brokers?: readonly string[]
  /** True or false only where the source says so itself. */
  tls?: boolean
  sasl?: boolean
  /** Paths or PEM text. */
  ca?: string | readonly string[]
  cert?: string
  key?: string
  passphrase?: string
  /** Path of a PKCS #12 file with key and certificate. */
  pfx?: string
  skipHostnameCheck?: boolean
  minVersion?: TlsVersion
  maxVersion?: TlsVersion
  saslMechanism?: string
  username?: string
  password?: string
  oauthClientId?: string
  oauthClientSecret?: string
  oauthScope?: string
  oauthTokenEndpoint?: string
  /** Path of a file that holds a token; instead of the endpoint. */
  oauthTokenFile?: string
  oauthExtensions?: Readonly<Record<string, string>>
  /** What to say of a truststore that only Java reads, unless `ca` names authorities after all. */
  caProblem?: string
}

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3'

export interface Settings {
  readonly access: Access
  /** Other options of the producer, by our names. */
  readonly options: Record<string, unknown>
  /** Sentences for the user; the settings hold all the same. */
  readonly warnings: string[]
  /** What is wrong: with any of these the command does not begin. */
  readonly problems: string[]
}

/**
 * Takes a property's value; what is wrong with it is the answer, as the end of a sentence without
 * a secret.
 */
export type Take = (value: string, settings: Settings) => string | undefined

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

export const emptySettings = (): Settings => ({
  access: {},
  options: {},
  warnings: [],
  problems: [],
})

const mechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']

/** The mechanism's name as Kafka writes it; null = none that the command knows. */
export const mechanismOf = (word: string): string | null => {
  const name = word.trim().toUpperCase()
  return mechanisms.includes(name) ? name : null
}

export const mechanismsText = mechanisms.join(', ')
