// Owns the SASL exchange of one connection and the start and end times of its session. The exchange
// is the last step of the handshake. It is repeated on the open connection before the broker ends
// the session (KIP-368). Caller: Connection, which owns the timer and reads `dueAtMs` and
// `exchangeEndAtMs`.
//
//   own work (token, first message) ─► SaslHandshake ─► SaslAuthenticate … ─► done
//
// The local work is done first. While a session that is renewed waits for a token, requests
// continue. If the local work fails, the session stays valid and the renewal is repeated later.
// Invariants: no secret is part of an error (sasl-errors.ts). An exchange has a limit of messages
// and of time, whatever the broker sends.

import { saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { saslAuthenticateApi } from '../protocol/api/36-sasl-authenticate.ts'
import { Reader } from '../protocol/bytes/reader.ts'
import { Writer } from '../protocol/bytes/writer.ts'
import { errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { SaslError, type SaslSession } from '../protocol/sasl/mechanism.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ConnectionOptions, SaslSettings } from './connection-contract.ts'
import type { HandshakeChannel, HandshakeStep } from './handshake.ts'
import { SaslErrors } from './sasl-errors.ts'
import type { VersionNegotiation } from './version-negotiation.ts'

export interface AuthenticationOptions {
  readonly sasl: SaslSettings
  readonly clock: Clock
  readonly versions: VersionNegotiation
  /** The broker's name in messages: from the option `brokers` or from metadata. */
  readonly host: string
  readonly port: number
  readonly clientId: string
  /** Time limit of the local work: getting a token, deriving a key. */
  readonly workTimeoutMs: number
  /** Time limit of the whole exchange with the broker. */
  readonly exchangeTimeoutMs: number
}

/**
 * The share of its lifetime after which a session is renewed. It is random, so that connections do
 * not renew at the same time.
 */
const renewFrom = 0.85
const renewSpread = 0.1

/** Kafka ignores a renewal that comes less than a second after the last one. */
const renewDelayMsMin = 1100
const lifetimeMsMin = 2000

/** Limit of the messages of one exchange. SCRAM has two; no known mechanism has more than a few. */
const messagesMax = 16

const never = Number.POSITIVE_INFINITY
const noBytes = new Uint8Array(0)

/** The exchange belongs to a connection that is closed or was replaced: its result is ignored. */
class Cancelled extends Error {}

export class Authentication implements HandshakeStep {
  readonly name = 'sasl'
  readonly title = 'authenticating'
  readonly #options: AuthenticationOptions
  readonly #errors: SaslErrors
  #controller = new AbortController()
  #stopped = false
  #isRenewing = false
  #renewAtMs = never
  #expiresAtMs = never
  #exchangeEndAtMs = never

  constructor(options: AuthenticationOptions) {
    this.#options = options
    this.#errors = new SaslErrors(options.sasl.mechanism)
  }

  /** When to call `renew`; Infinity = the session has no end, or is being renewed. */
  get dueAtMs(): number {
    return this.#isRenewing ? never : this.#renewAtMs
  }

  /** From this time on the broker accepts no request of the session. */
  get expiresAtMs(): number {
    return this.#expiresAtMs
  }

  /** When the exchange must be over, with all of its messages; Infinity = there is none. */
  get exchangeEndAtMs(): number {
    return this.#exchangeEndAtMs
  }

  start(channel: HandshakeChannel, done: () => void): void {
    this.#prepare().then(
      (prepared) => this.#run(channel, prepared, done),
      (thrown) => this.#failWith(channel, thrown),
    )
  }

  /**
   * Authenticates again on the open connection. `begin` is called when only messages of the
   * exchange may be sent, and `done` when the exchange is over. If the local work fails, only
   * `done` is called: the session continues, and `dueAtMs` is the time of the next attempt.
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

  // ---- the local work

  /** A session with its first message. */
  async #prepare(): Promise<{ session: SaslSession; first: Uint8Array }> {
    const { sasl, host, port, clientId } = this.#options
    this.#controller = new AbortController()
    const { signal } = this.#controller
    const context = { host, port, clientId, signal }
    const session = await this.#limited(() => sasl.mechanism.createSession(context))
    const first = await this.#next(session, noBytes)
    if (first === null) throw new SaslError('the mechanism has no first message')
    return { session, first }
  }

  async #next(session: SaslSession, challenge: Uint8Array): Promise<Uint8Array | null> {
    const message: unknown = await this.#limited(() => session.next(challenge))
    if (message === null || message instanceof Uint8Array) return message
    throw new SaslError('the mechanism must return bytes or null')
  }

  /**
   * Runs the local work within its time limit. The result is ignored if the exchange was stopped.
   */
  #limited<Value>(work: () => Value | Promise<Value>): Promise<Value> {
    const { clock, workTimeoutMs, sasl } = this.#options
    const controller = this.#controller
    return new Promise<Value>((resolve, reject) => {
      const timer = clock.setTimer(workTimeoutMs, () => {
        const what = `${sasl.mechanism.name} had no credentials`
        reject(new SaslError(`${what} within ${workTimeoutMs} ms (connectTimeoutMs)`, true))
        controller.abort()
      })
      const cancel = (): void => {
        timer.cancel()
        reject(new Cancelled())
      }
      controller.signal.addEventListener('abort', cancel, { once: true })
      Promise.resolve()
        .then(work)
        .then(resolve, reject)
        .finally(() => {
          timer.cancel()
          controller.signal.removeEventListener('abort', cancel)
        })
    })
  }

  #tryLater(): void {
    this.#isRenewing = false
    const now = this.#options.clock.now()
    // After the end of the session it cannot be renewed: the next request fails, or the connection
    // is closed as idle.
    if (now >= this.#expiresAtMs) this.#renewAtMs = never
    else this.#renewAtMs = now + Math.max(renewDelayMsMin, (this.#expiresAtMs - now) / 4)
  }

  // ---- the exchange

  #run(
    channel: HandshakeChannel,
    prepared: { session: SaslSession; first: Uint8Array },
    done: () => void,
  ): void {
    const { clock, exchangeTimeoutMs } = this.#options
    this.#exchangeEndAtMs = clock.now() + exchangeTimeoutMs
    this.#exchange(channel, prepared.session, prepared.first).then(
      () => {
        this.#isRenewing = false
        this.#exchangeEndAtMs = never
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
    const response = await this.#request(channel, saslHandshakeApi, request)
    if (response.errorCode !== errorNumber.NONE) {
      throw this.#errors.mechanismRefused(channel.name, saslHandshakeApi.name, response)
    }
    let message: Uint8Array | null = first
    for (let count = 0; message !== null; count++) {
      if (count === messagesMax) throw new SaslError(`no end after ${messagesMax} messages`)
      const challenge: Uint8Array = await this.#authenticate(channel, message)
      message = await this.#next(session, challenge)
    }
  }

  async #authenticate(channel: HandshakeChannel, authBytes: Uint8Array): Promise<Uint8Array> {
    const sentAtMs = this.#options.clock.now()
    const response = await this.#request(channel, saslAuthenticateApi, { authBytes })
    if (response.errorCode !== errorNumber.NONE) {
      const { errorCode, errorMessage } = response
      throw this.#errors.refused(channel.name, saslAuthenticateApi.name, errorCode, errorMessage)
    }
    this.#startSession(sentAtMs, Number(response.sessionLifetimeMs))
    return response.authBytes
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

  #request<Request, Response>(
    channel: HandshakeChannel,
    api: Api<Request, Response>,
    request: Input<Request>,
  ): Promise<Response> {
    if (this.#stopped) throw new Cancelled()
    const version = this.#options.versions.versionFor(api)
    if (version < 0) throw this.#errors.unserved(channel.name, api.name)
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
            reject(this.#errors.malformed(channel.name, api.name, cause))
          }
        },
        // The owner of the connection gets the reason in onClosed.
        onFailure: () => reject(new Cancelled()),
      })
    })
  }

  // ---- failures

  #failWith(channel: HandshakeChannel, thrown: unknown): void {
    if (this.#stopped || thrown instanceof Cancelled) return
    const isOurs = thrown instanceof KafkaError
    channel.fail(isOurs ? thrown : this.#errors.ownFailure(channel.name, thrown))
  }
}

/** Null without SASL. */
export const authenticationOf = (
  { sasl, clock, address, clientId, connectTimeoutMs, requestTimeoutMs }: ConnectionOptions,
  versions: VersionNegotiation,
): Authentication | null =>
  sasl === undefined
    ? null
    : new Authentication({
        sasl,
        clock,
        versions,
        host: address.hostName ?? address.host,
        port: address.port,
        clientId,
        workTimeoutMs: connectTimeoutMs,
        exchangeTimeoutMs: requestTimeoutMs,
      })
