// Authenticates one connection by SASL: the last step of its handshake, and again on the live
// connection before the broker ends the session (KIP-368). It owns the exchange that is under way
// and the times of the session; the connection owns its timer and asks `dueAtMs`.
//
//   own work (token, first message) ─► SaslHandshake ─► SaslAuthenticate … ─► done
//
// Our own work comes first, so that a session that is renewed holds nothing up while it waits for
// a token, and a failure of it harms nothing: the session lives on, and it is tried again.
// Invariant: no secret is in an error; what a mechanism throws is told by its message alone.

import { type SaslHandshakeResponse, saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { saslAuthenticateApi } from '../protocol/api/36-sasl-authenticate.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { SaslError, type SaslMechanism, type SaslSession } from '../protocol/sasl/mechanism.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import type { HandshakeChannel, HandshakeStep } from './handshake.ts'
import type { VersionNegotiation } from './version-negotiation.ts'

/** What all connections of a client authenticate with. */
export interface SaslSettings {
  readonly mechanism: SaslMechanism
  readonly random: Random
}

export interface AuthenticationOptions {
  readonly sasl: SaslSettings
  readonly clock: Clock
  readonly versions: VersionNegotiation
  /** What the user or the cluster calls the broker. */
  readonly host: string
  readonly port: number
  readonly clientId: string
  /** How long our own work may take: a token, a key. */
  readonly workTimeoutMs: number
}

/** Where in its lifetime a session is renewed: spread, so that connections do not do it at once. */
const renewFrom = 0.85
const renewSpread = 0.1

/** Kafka ignores a renewal that comes sooner than a second after the last. */
const renewDelayMsMin = 1100
const lifetimeMsMin = 2000

/** Messages of an exchange; SCRAM has two, and none that is known has more than a few. */
const messagesMax = 16

const never = Number.POSITIVE_INFINITY
const noBytes = new Uint8Array(0)

/** The exchange belongs to a connection that is closed, or was replaced: nobody waits for it. */
class Abandoned extends Error {}

export class Authentication implements HandshakeStep {
  readonly name = 'sasl'
  readonly title = 'authenticating'
  readonly #options: AuthenticationOptions
  #controller = new AbortController()
  #stopped = false
  #isRenewing = false
  #renewAtMs = never
  #expiresAtMs = never

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /** When to call `renew`; Infinity = the session has no end, or is being renewed. */
  get dueAtMs(): number {
    return this.#isRenewing ? never : this.#renewAtMs
  }

  /** The broker takes no request any more from then on. */
  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  start(channel: HandshakeChannel, done: () => void): void {
    this.#prepare().then(
      (prepared) => this.#run(channel, prepared, done),
      (thrown) => this.#failWith(channel, thrown),
    )
  }

  /**
   * Authenticates again on the live connection. `begin` is called when nothing but the exchange may
   * be sent, `done` when that is over. Where our own work fails only `done` is called: the session
   * goes on, and `dueAtMs` says when to try again.
   */
  renew(channel: HandshakeChannel, begin: () => void, done: () => void): void {
    this.#isRenewing = true
    this.#prepare().then(
      (prepared) => {
        if (this.#stopped) return
        begin()
        this.#run(channel, prepared, done)
      },
      () => {
        this.#tryLater()
        if (!this.#stopped) done()
      },
    )
  }

  /** The connection is closed. */
  stop(): void {
    this.#stopped = true
    this.#renewAtMs = never
    this.#controller.abort()
  }

  // ---- our own work

  /** A session with its first message. */
  async #prepare(): Promise<{ session: SaslSession; first: Uint8Array }> {
    const { sasl, host, port, clientId } = this.#options
    this.#controller = new AbortController()
    const { signal } = this.#controller
    const context = { host, port, clientId, signal }
    const session = await this.#limited(() => sasl.mechanism.createSession(context))
    const first = await this.#limited(() => session.next(noBytes))
    if (first === null) throw new SaslError('the mechanism has no first message')
    return { session, first }
  }

  /** What our own side works out, within its time. */
  #limited<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const { clock, workTimeoutMs, sasl } = this.#options
    return new Promise<Value>((resolve, reject) => {
      const timer = clock.setTimer(workTimeoutMs, () => {
        const what = `${sasl.mechanism.name} had no credentials`
        reject(new SaslError(`${what} within ${workTimeoutMs} ms (connectTimeoutMs)`, true))
        this.#controller.abort()
      })
      Promise.resolve()
        .then(work)
        .then(resolve, reject)
        .finally(() => timer.cancel())
    })
  }

  #tryLater(): void {
    this.#isRenewing = false
    const now = this.#options.clock.now()
    this.#renewAtMs = now + Math.max(renewDelayMsMin, (this.#expiresAtMs - now) / 4)
  }

  // ---- the exchange

  #run(
    channel: HandshakeChannel,
    prepared: { session: SaslSession; first: Uint8Array },
    done: () => void,
  ): void {
    this.#exchange(channel, prepared.session, prepared.first).then(
      () => {
        this.#isRenewing = false
        if (!this.#stopped) done()
      },
      (thrown) => this.#failWith(channel, thrown),
    )
  }

  async #exchange(
    channel: HandshakeChannel,
    session: SaslSession,
    first: Uint8Array,
  ): Promise<void> {
    const { mechanism } = this.#options.sasl
    const request = { mechanism: mechanism.name }
    const answer = await this.#ask(channel, saslHandshakeApi, request)
    if (answer.errorCode !== errorNumber.NONE) throw this.#refused(channel.name, answer)
    let message: Uint8Array | null = first
    for (let count = 0; message !== null; count++) {
      if (count === messagesMax) throw new SaslError(`no end after ${messagesMax} messages`)
      const challenge: Uint8Array = await this.#authenticate(channel, message)
      message = await this.#limited(() => session.next(challenge))
    }
  }

  async #authenticate(channel: HandshakeChannel, authBytes: Uint8Array): Promise<Uint8Array> {
    const { clock, sasl } = this.#options
    const sentAtMs = clock.now()
    const answer = await this.#ask(channel, saslAuthenticateApi, { authBytes })
    if (answer.errorCode !== errorNumber.NONE) {
      const said = answer.errorMessage ?? undefined
      throw brokerError(answer.errorCode, {
        api: saslAuthenticateApi.name,
        broker: channel.name,
        step: 'sasl',
        brokerMessage: said && (sasl.mechanism.redact?.(said) ?? said),
      })
    }
    this.#startSession(sentAtMs, Number(answer.sessionLifetimeMs))
    return answer.authBytes
  }

  #startSession(sinceMs: number, lifetimeMs: number): void {
    if (!(lifetimeMs > 0)) {
      this.#renewAtMs = never
      this.#expiresAtMs = never
      return
    }
    const part = renewFrom + renewSpread * this.#options.sasl.random.next()
    this.#renewAtMs = sinceMs + Math.max(renewDelayMsMin, lifetimeMs * part)
    this.#expiresAtMs = sinceMs + Math.max(lifetimeMsMin, lifetimeMs)
  }

  #ask<Request, Response>(
    channel: HandshakeChannel,
    api: Api<Request, Response>,
    request: Input<Request>,
  ): Promise<Response> {
    if (this.#stopped) throw new Abandoned()
    const version = this.#options.versions.versionFor(api)
    if (version < 0) throw this.#unserved(channel.name, api.name)
    const writer = new Writer()
    api.encodeRequest(writer, request, version)
    return new Promise((resolve, reject) => {
      channel.send({
        apiKey: api.key,
        apiName: api.name,
        version,
        flexible: api.isFlexible(version),
        chunks: [writer.finish()],
        expectsResponse: true,
        onResponse: (body) => {
          try {
            resolve(api.decodeResponse(new Reader(body ?? noBytes), version))
          } catch (cause) {
            reject(malformed(channel.name, api.name, cause))
          }
        },
        // Why the connection closed is told to its owner by onClosed.
        onFailure: () => reject(new Abandoned()),
      })
    })
  }

  // ---- failures

  #failWith(channel: HandshakeChannel, thrown: unknown): void {
    if (this.#stopped || thrown instanceof Abandoned) return
    channel.fail(thrown instanceof KafkaError ? thrown : this.#ownFailure(channel.name, thrown))
  }

  /**
   * A mechanism threw. Its error is not passed on as the cause: it may hold a request with its
   * secrets.
   */
  #ownFailure(broker: string, thrown: unknown): KafkaError {
    const { mechanism } = this.#options.sasl
    const said = thrown instanceof Error ? thrown.message : String(thrown)
    const words = mechanism.redact?.(said) ?? said
    const isPassing = !(thrown instanceof SaslError) || thrown.isPassing
    return new KafkaError(
      'AUTHENTICATION_FAILED',
      `${mechanism.name} failed at ${broker}: ${words}`,
      { broker, step: 'sasl', kind: isPassing ? 'retriable' : 'fatal' },
    )
  }

  #refused(broker: string, { errorCode, mechanisms }: SaslHandshakeResponse): KafkaError {
    const { name } = this.#options.sasl.mechanism
    const context = { api: saslHandshakeApi.name, broker, step: 'sasl' } as const
    const error = brokerError(errorCode, context)
    if (errorCode === errorNumber.UNSUPPORTED_SASL_MECHANISM) {
      const names = mechanisms.filter((offer) => /^[\w-]{1,40}$/.test(offer))
      const offered = names.slice(0, messagesMax).join(', ') || 'none'
      return explained(error, `${broker} does not offer ${name}: it offers ${offered}`)
    }
    if (errorCode === errorNumber.ILLEGAL_SASL_STATE) {
      const advice = 'leave out the option sasl, or use the port of its SASL listener'
      return explained(error, `the listener of ${broker} does not authenticate: ${advice}`)
    }
    return error
  }

  #unserved(broker: string, api: string): KafkaError {
    const text = `${broker} serves no version of ${api} that this client knows: it can't do SASL`
    return new KafkaError('UNSUPPORTED_VERSION', text, { broker, api, step: 'sasl' })
  }
}

/** A broker's error in better words than the table has. */
const explained = (error: KafkaError, words: string): KafkaError =>
  new KafkaError(error.code, `${words} (${error.brokerError}, ${error.brokerCode})`, {
    kind: error.kind,
    broker: error.broker,
    api: error.api,
    step: error.step,
    brokerCode: error.brokerCode,
    brokerError: error.brokerError,
  })

const malformed = (broker: string, api: string, cause: unknown): KafkaError => {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new KafkaError('MALFORMED_RESPONSE', `${broker}: ${reason}`, {
    broker,
    api,
    step: 'sasl',
    cause,
  })
}
