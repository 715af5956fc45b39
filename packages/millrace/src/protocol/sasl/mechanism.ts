// Owns the interface of a SASL mechanism, for built-in mechanisms and those of users. Callers: the
// connection sends their messages without interpreting them; producer/sasl-option.ts creates the
// built-in ones. Invariant: a text passes `redact` before it becomes part of an error.

/** The broker that a session authenticates with. */
export interface SaslContext {
  /** The host name from the option `brokers` or from metadata. */
  readonly host: string
  /** The port of that host. */
  readonly port: number
  /** The option clientId. */
  readonly clientId: string
  /** Aborts when the connection attempt ends. */
  readonly signal: AbortSignal
}

/** One authentication on one connection. */
export interface SaslSession {
  /**
   * The next message to the broker, or null if the exchange is complete and the client accepts it.
   * The first call gets no bytes and returns the first message; each further call gets the bytes
   * that the broker returned. Throws if the broker's message is invalid, or shows that the broker
   * is not the expected one.
   */
  next(challenge: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>
}

/**
 * A SASL mechanism. Pass a custom one as `sasl` if no built-in mechanism is suitable.
 *
 * @example
 * const mechanism: SaslMechanism = {
 *   name: 'MY-MECHANISM',
 *   createSession: () => ({ next: (challenge) => (challenge.length === 0 ? token : null) }),
 * }
 */
export interface SaslMechanism {
  /** Kafka's name of the mechanism: `SCRAM-SHA-512`. */
  readonly name: string
  /**
   * Called for each authentication, including re-authentications (KIP-368). May throw or reject.
   */
  createSession(context: SaslContext): SaslSession | Promise<SaslSession>
  /**
   * True while a rejection may come from a rotation in progress: the credentials can change, and
   * were accepted before. The producer then authenticates again, and records wait instead of
   * failing.
   */
  readonly retriesRefusal?: boolean
  /**
   * Removes the secrets from a text that becomes part of an error; if missing, the text is used
   * unchanged.
   */
  redact?(text: string): string
}

/** A mechanism cannot continue. The message is readable and contains no secret. */
export class SaslError extends Error {
  override readonly name = 'SaslError'
  /** The cause may be temporary, such as an unavailable token server. */
  readonly isTransient: boolean

  constructor(message: string, isTransient = false) {
    super(message)
    this.isTransient = isTransient
  }
}
