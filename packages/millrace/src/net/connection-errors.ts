// The errors of one connection: each names its broker, and says in words what happened.

import { type ErrorCode, KafkaError } from '../protocol/kafka-error.ts'
import type { ConnectionState } from './connection-contract.ts'
import { describeNetworkError } from './connection-words.ts'

/** Makes the errors of one connection. */
export class ConnectionErrors {
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  connectTimeout(limitMs: number): KafkaError {
    const text = `Connecting to ${this.#name} failed: no answer within ${limitMs} ms`
    return this.#error('CONNECTION_FAILED', text)
  }

  requestTimeout(api: string, limitMs: number): KafkaError {
    const text = `${this.#name} did not answer ${api} within ${limitMs} ms`
    return this.#error('REQUEST_TIMEOUT', text, api)
  }

  malformed(reason: string, api?: string, cause?: unknown): KafkaError {
    const text = `Malformed answer of ${this.#name}: ${reason}`
    return this.#error('MALFORMED_RESPONSE', text, api, cause)
  }

  noCommonVersion(api: string): KafkaError {
    const text = `${this.#name} and this client share no version of ${api}`
    return this.#error('UNSUPPORTED_VERSION', text, api)
  }

  notConnectedYet(api: string): KafkaError {
    return this.#error('CONNECTION_LOST', `${this.#name} is not connected yet`, api)
  }

  /**
   * For a request of a connection that was closed because of `why`; null = its owner wanted it, or
   * it was idle.
   */
  lost(why: KafkaError | null, api: string): KafkaError {
    if (why !== null) return this.#error(why.code, why.message, api, why.cause)
    return this.#error('CONNECTION_LOST', `The connection to ${this.#name} was closed`, api)
  }

  /** The stream ended by itself, in this state. */
  streamEnded(state: ConnectionState, stepTitle: string, cause: Error | undefined): KafkaError {
    const reason =
      cause === undefined ? 'the broker closed the connection' : describeNetworkError(cause)
    if (state === 'ready') {
      const text = `The connection to ${this.#name} was lost: ${reason}`
      return this.#error('CONNECTION_LOST', text, undefined, cause)
    }
    const failed = `Connecting to ${this.#name} failed`
    if (state === 'connecting') {
      return this.#error('CONNECTION_FAILED', `${failed}: ${reason}`, undefined, cause)
    }
    const hint = 'does the listener expect TLS, or is the broker older than Kafka 2.1?'
    const text = `${failed} while ${stepTitle}: ${reason} (${hint})`
    return this.#error('CONNECTION_FAILED', text, undefined, cause)
  }

  #error(code: ErrorCode, message: string, api?: string, cause?: unknown): KafkaError {
    const context = { broker: this.#name, api }
    return new KafkaError(code, message, cause === undefined ? context : { ...context, cause })
  }
}
