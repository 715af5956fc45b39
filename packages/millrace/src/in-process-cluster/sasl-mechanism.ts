// The contract of the server's part of a SASL mechanism, and the errors by which it rejects a
// client. sasl-plain.ts, sasl-scram.ts and sasl-oauth-bearer.ts implement it. One is created for
// each attempt to authenticate; broker-authentication.ts passes it the client's tokens, and alone
// decides about the connection.

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

/** The server's response to one token. */
export interface SaslReply {
  readonly challenge: Uint8Array
  /** Null while more tokens are to come. */
  readonly identity: SaslIdentity | null
}

export interface SaslServer {
  /** Throws, or rejects with, a SaslRefusal. */
  evaluate(token: Uint8Array): SaslReply | Promise<SaslReply>
}

/** The client is refused. Never leaves the broker. */
export class SaslRefusal extends Error {
  /** The client receives the message; otherwise it learns only that it failed, as with Kafka. */
  readonly isVisible: boolean

  constructor(message: string, isVisible: boolean) {
    super(message)
    this.isVisible = isVisible
  }
}

/** The client receives this message. */
export const visibleRefusal = (message: string): SaslRefusal => new SaslRefusal(message, true)

/** The message is not sent to the client: it could reveal which users exist. */
export const hiddenRefusal = (message: string): SaslRefusal => new SaslRefusal(message, false)

/** The client wants to act for another user, which Kafka allows with no mechanism. */
export const actsForAnother = (): SaslRefusal => {
  const what = 'Client requested an authorization id that is different from username'
  return visibleRefusal(`Authentication failed: ${what}`)
}
