// Converts kafkajs's `sasl` to the option of millrace: mechanisms that both have, kafkajs's `aws`,
// and a user's own mechanism (`authenticationProvider`), such as those for Amazon MSK. Error
// messages must not contain a password or a token. Caller: security.ts.

import { type ProducerOptions, redactSecrets, type SaslMechanism, type SaslSession } from 'millrace'
import { KafkaJSNonRetriableError } from './errors.ts'
import type { Logger } from './logger.ts'

/** The result of kafkajs's token provider. */
export interface OauthbearerProviderResponse {
  /** The token. */
  value: string
}

/** kafkajs's option `sasl`. */
export type SASLOptions =
  | {
      mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
      username: string
      password: string
    }
  | {
      mechanism: 'aws'
      authorizationIdentity: string
      accessKeyId: string
      secretAccessKey: string
      sessionToken?: string
    }
  | { mechanism: 'oauthbearer'; oauthBearerProvider: () => Promise<OauthbearerProviderResponse> }

/** The name of a mechanism that kafkajs has. */
export type SASLMechanism = SASLOptions['mechanism']

/** A message to the broker, and the parser of its response; both begin with a length of 4 bytes. */
export type SaslAuthenticateArgs<ParseResult> = {
  /** Encodes the message. */
  request: { encode: () => Buffer | Promise<Buffer> }
  /** Decodes the response; missing = the response is ignored. */
  response?: {
    decode: (rawResponse: Buffer) => Buffer | Promise<Buffer>
    parse: (data: Buffer) => ParseResult
  }
}

/** Authenticates one connection. */
export type Authenticator = {
  /** Resolves when the broker has accepted the client. */
  authenticate: () => Promise<void>
}

/** The argument of an authentication provider. */
export type AuthenticationProviderArgs = {
  /** The host of the broker. */
  host: string
  /** The port of the broker. */
  port: number
  /** The logger of the client. */
  logger: Logger
  /** Sends one message of the exchange; resolves with the parsed response. */
  saslAuthenticate: <ParseResult>(
    args: SaslAuthenticateArgs<ParseResult>,
  ) => Promise<ParseResult | undefined>
}

/** A mechanism of the user's own. */
export type Mechanism = {
  /** Kafka's name of the mechanism. */
  mechanism: string
  /** Creates the authenticator of one connection. */
  authenticationProvider: (args: AuthenticationProviderArgs) => Authenticator
}

type SaslOption = NonNullable<ProducerOptions['sasl']>

/** kafkajs's messages begin with a length of four bytes, which millrace adds itself. */
const lengthBytes = 4

const withLength = (bytes: Uint8Array): Buffer => {
  const framed = Buffer.alloc(lengthBytes + bytes.length)
  framed.writeInt32BE(bytes.length)
  framed.set(bytes, lengthBytes)
  return framed
}

interface Waiter {
  resolve(message: Uint8Array | null): void
  reject(error: unknown): void
}

/**
 * Connects both interfaces: an authenticator of kafkajs calls `saslAuthenticate`, while millrace
 * calls a session for its next message. Each side waits until the other has produced its part.
 */
class ProviderSession implements SaslSession {
  readonly #begin: (session: ProviderSession) => Promise<void>
  /** The pending call of millrace for the next message to the broker. */
  #waiter: Waiter | null = null
  /** Passes the broker's response to the authenticator. */
  #respond: ((challenge: Uint8Array) => void) | null = null

  constructor(begin: (session: ProviderSession) => Promise<void>) {
    this.#begin = begin
  }

  next(challenge: Uint8Array): Promise<Uint8Array | null> {
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
      const respond = this.#respond
      this.#respond = null
      if (respond !== null) respond(challenge)
      else this.#start()
    })
  }

  readonly saslAuthenticate = async <ParseResult>({
    request,
    response,
  }: SaslAuthenticateArgs<ParseResult>): Promise<ParseResult | undefined> => {
    const message = await request.encode()
    const responded = new Promise<Uint8Array>((resolve) => {
      this.#respond = resolve
    })
    this.#waiter?.resolve(message.subarray(lengthBytes))
    const challenge = await responded
    if (response === undefined) return undefined
    return response.parse(await response.decode(withLength(challenge)))
  }

  #start(): void {
    this.#begin(this).then(
      () => this.#waiter?.resolve(null),
      (error: unknown) => this.#waiter?.reject(error),
    )
  }
}

const providedMechanism = (
  { mechanism, authenticationProvider }: Mechanism,
  logger: Logger,
): SaslMechanism => {
  const name = mechanism.toUpperCase()
  return {
    name,
    createSession: ({ host, port }) =>
      new ProviderSession(async ({ saslAuthenticate }) => {
        const own = logger.namespace(`SaslAuthenticator-${name}`)
        const provider = authenticationProvider({ host, port, logger: own, saslAuthenticate })
        await provider.authenticate()
      }),
  }
}

const awsMechanism = (sasl: Extract<SASLOptions, { mechanism: 'aws' }>): SaslMechanism => {
  const { authorizationIdentity, accessKeyId, secretAccessKey, sessionToken = '' } = sasl
  const required = { authorizationIdentity, accessKeyId, secretAccessKey }
  for (const [name, value] of Object.entries(required)) {
    if (!value) throw new KafkaJSNonRetriableError(`SASL AWS-IAM: Missing ${name}`)
  }
  const message = [authorizationIdentity, accessKeyId, secretAccessKey, sessionToken].join('\0')
  return {
    name: 'AWS',
    createSession: () => ({
      next: (challenge) => (challenge.length === 0 ? Buffer.from(message) : null),
    }),
    redact: (text) => redactSecrets(text, [secretAccessKey, sessionToken]),
  }
}

/** A name that is too long or has other characters may be a misplaced secret. */
const shownName = (mechanism: unknown): string =>
  typeof mechanism === 'string' && /^[a-z\d-]{1,20}$/i.test(mechanism)
    ? `"${mechanism}"`
    : 'another'

/** The option `sasl` of millrace that is equivalent to this one. */
export const toSasl = (sasl: SASLOptions | Mechanism, logger: Logger): SaslOption => {
  if ('authenticationProvider' in sasl && typeof sasl.authenticationProvider === 'function') {
    return providedMechanism(sasl, logger)
  }
  const known = sasl as SASLOptions
  if (known.mechanism === 'aws') return awsMechanism(known)
  if (known.mechanism === 'oauthbearer') {
    const { oauthBearerProvider } = known
    if (typeof oauthBearerProvider !== 'function') {
      throw new KafkaJSNonRetriableError('sasl.oauthBearerProvider must be a function')
    }
    return { mechanism: 'OAUTHBEARER', token: () => oauthBearerProvider() }
  }
  const { mechanism, username, password } = known
  if (/^(plain|scram-sha-256|scram-sha-512)$/i.test(mechanism)) {
    return { mechanism, username, password }
  }
  throw new KafkaJSNonRetriableError(
    'sasl.mechanism must be plain, scram-sha-256, scram-sha-512, oauthbearer or aws, or come ' +
      `with an authenticationProvider, got ${shownName(mechanism)}`,
  )
}
