// What a SASL mechanism is to us. The built-in ones and those that users bring are the same; the
// connection carries their messages and knows none of them.

/** The broker that a session is for. */
export interface SaslContext {
  /** The host and port that the user or the cluster named. */
  readonly host: string
  /** The port that goes with it. */
  readonly port: number
  /** The option clientId. */
  readonly clientId: string
  /** Aborts when the connection attempt ends. */
  readonly signal: AbortSignal
}

/** One authentication on one connection. */
export interface SaslSession {
  /**
   * The next message to the broker, or null when the exchange is over and the client is satisfied.
   * The first call gets no bytes and gives the first message; each further call gets what the
   * broker returned. Throws if the broker's message is wrong, or proves that the broker is not
   * who it should be.
   */
  next(challenge: Uint8Array): Uint8Array | null | Promise<Uint8Array | null>
}

/**
 * A way to authenticate. Pass your own as `sasl` where none of the built-in ones will do.
 *
 * @example
 * const mechanism: SaslMechanism = {
 *   name: 'MY-MECHANISM',
 *   createSession: () => ({ next: (challenge) => (challenge.length === 0 ? token : null) }),
 * }
 */
export interface SaslMechanism {
  /** As Kafka knows it: `SCRAM-SHA-512`. */
  readonly name: string
  /** Called for each authentication, re-authentications (KIP-368) included. May throw or reject. */
  createSession(context: SaslContext): SaslSession | Promise<SaslSession>
  /**
   * True while a refusal may be the middle of a rotation: the credentials can change, and were
   * accepted before. The producer then authenticates again, and records wait instead of failing.
   */
  readonly retriesRefusal?: boolean
  /** Takes the secrets out of a text that goes into an error; the text itself without it. */
  redact?(text: string): string
}

/** A mechanism refuses to go on. The message is for people, and holds no secret. */
export class SaslError extends Error {
  override readonly name = 'SaslError'
  /** The cause may pass: a token server that is away, say. */
  readonly isPassing: boolean

  constructor(message: string, isPassing = false) {
    super(message)
    this.isPassing = isPassing
  }
}

/** Replaces each secret in the text, also where it is written in base64, alone or with others. */
export const redactSecrets = (text: string, secrets: readonly string[]): string =>
  secrets
    .filter((secret) => secret.length > 0)
    .flatMap((secret) => [secret, ...base64Forms(secret)])
    .reduce((redacted, form) => redacted.replaceAll(form, '[secret]'), text)

/** Shorter ones could be part of any text. */
const base64LengthMin = 6

/**
 * The characters that stand for the secret alone in the base64 of a longer text: they depend on how
 * many bytes come before it, and those that hold bits of other bytes are left out.
 */
const base64Forms = (secret: string): string[] =>
  [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)])
    const [start, end] = [Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)]
    return (['base64', 'base64url'] as const)
      .map((encoding) => bytes.toString(encoding).slice(start, end))
      .filter((form) => form.length >= base64LengthMin)
  })
