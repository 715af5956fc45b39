// Owns the errors of one connection. Each error names the broker, the step that failed and the
// cause. Caller: Connection. Invariant: the error code decides whether a request is sent again, so
// the code of an existing case must not change.

import {
  type ConnectStep,
  type ErrorCode,
  type ErrorContext,
  KafkaError,
} from '../protocol/kafka-error.ts'
import { TlsFailure } from '../runtime/tls-failure.ts'
import type { ConnectAddress } from '../runtime/transport.ts'
import type { ConnectionState } from './connection-contract.ts'
import { describeNetworkError } from './connection-messages.ts'
import { describeTlsFailure } from './tls-messages.ts'

/** The state of a connection when its stream ended. */
export interface EndedAt {
  readonly step: ConnectStep
  readonly title: string
  readonly isSecure: boolean
}

const tooOld = 'is the broker older than Kafka 1.0?'
const wantsTls = `does the listener expect TLS, or ${tooOld}`
const wantsCertificate = `does the broker want a client certificate, or ${tooOld}`
const wantsSasl = 'it carried no response: does the listener expect SASL?'
const hidesErrors = 'with acks 0 a broker closes it at an error, which acks 1 or all would return'

const tlsAdvice = 'the listener expects TLS, and the connection is plain: set the option tls'

/**
 * Whether a response has arrived, or only requests were sent that have none, or neither; `'known'`
 * also if the connection was authenticated.
 */
export type ConnectionUse = 'known' | 'unacknowledged' | 'unused'

const hints: Readonly<Record<ConnectionUse, string>> = {
  known: '',
  unacknowledged: ` (${hidesErrors})`,
  unused: ` (${wantsSasl})`,
}

/** Creates the errors of one connection. */
export class ConnectionErrors {
  readonly #name: string
  readonly #address: ConnectAddress

  constructor(name: string, address: ConnectAddress) {
    this.#name = name
    this.#address = address
  }

  connectTimeout(limitMs: number, step: ConnectStep): KafkaError {
    const what = step === 'tls' ? 'no end of the TLS handshake' : 'no response'
    const text = `Connecting to ${this.#name} failed: ${what} within ${limitMs} ms`
    return this.#error('CONNECTION_FAILED', text, { step })
  }

  requestTimeout(api: string, limitMs: number): KafkaError {
    const text = `${this.#name} did not respond to ${api} within ${limitMs} ms`
    return this.#error('REQUEST_TIMEOUT', text, { api })
  }

  /** The broker responds to each message, but the exchange does not end. */
  exchangeTimeout(limitMs: number): KafkaError {
    const text = `did not end the SASL exchange within ${limitMs} ms (requestTimeoutMs)`
    return this.#error('REQUEST_TIMEOUT', `${this.#name} ${text}`, { step: 'sasl' })
  }

  malformed(reason: string, { cause, ...where }: ErrorContext): KafkaError {
    const text = `Malformed response of ${this.#name}: ${reason}`
    return this.#error('MALFORMED_RESPONSE', text, { ...where, ...asCause(cause) })
  }

  /** The response to a plaintext connection was TLS. */
  tlsExpected(): KafkaError {
    const text = `Connecting to ${this.#name} failed: ${tlsAdvice}`
    return this.#error('TLS_FAILED', text, { step: 'tls' })
  }

  /** The broker requested that the client sends nothing for a while (KIP-219). */
  throttled(wantedMs: number, heldMs: number): KafkaError {
    const limit = heldMs < wantedMs ? `, of which ${heldMs} ms are granted` : ''
    const text = `${this.#name} throttles this client by a quota: no request for ${wantedMs} ms`
    return this.#error('BROKER_UNAVAILABLE', text + limit)
  }

  notConnectedYet(api: string): KafkaError {
    return this.#error('CONNECTION_LOST', `${this.#name} is not connected yet`, { api })
  }

  /**
   * A re-authentication failed on an open connection. The next connection shows whether it can
   * succeed.
   */
  sessionLost(cause: KafkaError): KafkaError {
    const failed = `The connection to ${this.#name} could not be authenticated again`
    const text = `${failed}: ${cause.message}`
    return this.#error('CONNECTION_LOST', text, { step: 'sasl', cause })
  }

  /**
   * For a request of a connection that was closed because of `why`; null = its owner closed it, or
   * it was idle.
   */
  lost(why: KafkaError | null, api: string): KafkaError {
    if (why === null) {
      return this.#error('CONNECTION_LOST', `The connection to ${this.#name} was closed`, { api })
    }
    const { code, message, kind, step, cause } = why
    return this.#error(code, message, { api, kind, step, ...asCause(cause) })
  }

  /**
   * The peer ended the stream in this state. `use` = what the connection carried since it was
   * ready.
   */
  streamEnded(
    state: ConnectionState,
    at: EndedAt,
    cause: Error | undefined,
    use: ConnectionUse,
  ): KafkaError {
    if (cause instanceof TlsFailure && state !== 'ready') return this.#tlsFailed(cause)
    const reason =
      cause === undefined ? 'the broker closed the connection' : describeNetworkError(cause)
    if (state === 'ready') {
      const hint = hints[use]
      const text = `The connection to ${this.#name} was lost: ${reason}${hint}`
      return this.#error('CONNECTION_LOST', text, asCause(cause))
    }
    const context = { step: at.step, ...asCause(cause) }
    const failed = `Connecting to ${this.#name} failed`
    if (state === 'connecting') {
      return this.#error('CONNECTION_FAILED', `${failed}: ${reason}`, context)
    }
    const advice = at.isSecure ? wantsCertificate : wantsTls
    const hint = at.step === 'api-versions' ? ` (${advice})` : ''
    const text = `${failed} while ${at.title}: ${reason}${hint}`
    return this.#error('CONNECTION_FAILED', text, context)
  }

  #tlsFailed(failure: TlsFailure): KafkaError {
    const described = describeTlsFailure(failure, this.#address)
    const kind = failure.isTransient ? 'retriable' : described.kind
    const text = `Connecting to ${this.#name} failed: ${described.reason}`
    return this.#error('TLS_FAILED', text, { kind, step: 'tls', cause: failure })
  }

  #error(code: ErrorCode, message: string, context: ErrorContext = {}): KafkaError {
    return new KafkaError(code, message, { broker: this.#name, ...context })
  }
}

const asCause = (cause: unknown): { cause?: unknown } => (cause === undefined ? {} : { cause })
