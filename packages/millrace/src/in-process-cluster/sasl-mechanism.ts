// The interface of the server side of a SASL mechanism, and the errors that reject a client.
// sasl-plain.ts, sasl-scram.ts, and sasl-oauth-bearer.ts implement it. broker-authentication.ts
// creates one for each authentication and passes it the client's tokens; only
// broker-authentication.ts may close the connection.

/** The mechanisms that the in-process cluster serves. */
export const saslMechanisms = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER'] as const

/** The mechanisms that the cluster supports. */
export type SaslMechanismName = (typeof saslMechanisms)[number]

/** The authenticated user. */
export interface SaslIdentity {
  readonly principal: string
  /** When the credential expires, in milliseconds since the epoch; null = never. */
  readonly expiresAt: number | null
}

/** The server's response to one token. */
export interface SaslReply {
  readonly challenge: Uint8Array
  /** null while more tokens are expected. */
  readonly identity: SaslIdentity | null
}

export interface SaslServer {
  /** Throws or rejects with a SaslRefusal. */
  evaluate(token: Uint8Array): SaslReply | Promise<SaslReply>
}

/** The client is rejected. This error is only used inside the cluster. */
export class SaslRefusal extends Error {
  /** Whether the client receives the message; otherwise it receives a general one, as in Kafka. */
  readonly isVisible: boolean

  constructor(message: string, isVisible: boolean) {
    super(message)
    this.isVisible = isVisible
  }
}

/** A rejection whose message the client receives. */
export const visibleRefusal = (message: string): SaslRefusal => new SaslRefusal(message, true)

/**
 * A rejection whose message the client does not receive, because it could reveal which users exist.
 */
export const hiddenRefusal = (message: string): SaslRefusal => new SaslRefusal(message, false)

/** The client requests to act for another user, which Kafka does not allow with any mechanism. */
export const actsForAnother = (): SaslRefusal => {
  const what = 'Client requested an authorization id that is different from username'
  return visibleRefusal(`Authentication failed: ${what}`)
}
