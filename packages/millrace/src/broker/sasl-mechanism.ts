// What the cluster's end of a SASL mechanism is. One is made for each attempt to authenticate;
// authentication.ts feeds it the client's tokens and says what becomes of the connection.

/** The mechanisms that the in-process cluster serves. */
export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** The mechanisms that the cluster knows. */
export type SaslMechanismName = (typeof saslMechanisms)[number]

/** Who authenticated. */
export interface SaslIdentity {
  readonly principal: string
  /** When what it showed ends, in milliseconds since the epoch; null = never. */
  readonly expiresAt: number | null
}

/** What the server says to one token. */
export interface SaslReply {
  readonly challenge: Uint8Array
  /** Null while more tokens are to come. */
  readonly identity: SaslIdentity | null
}

export interface SaslServer {
  /** Throws, or rejects with, a SaslRefusal. */
  evaluate(token: Uint8Array): SaslReply | Promise<SaslReply>
}

/** The client is not let in. Never leaves the broker. */
export class SaslRefusal extends Error {
  /** May be told to the client; otherwise it hears only that it failed, as from Kafka. */
  readonly isTold: boolean

  constructor(message: string, isTold: boolean) {
    super(message)
    this.isTold = isTold
  }
}

/** The client is told these words. */
export const told = (message: string): SaslRefusal => new SaslRefusal(message, true)

/** What went wrong is kept from the client: it might say which users there are. */
export const untold = (message: string): SaslRefusal => new SaslRefusal(message, false)

/** The client wants to act for somebody else, which Kafka knows for no mechanism. */
export const actsForAnother = (): SaslRefusal => {
  const what = 'Client requested an authorization id that is different from username'
  return told(`Authentication failed: ${what}`)
}
