// Owns the errors of SASL authentication. Each error names the broker and the step. Caller:
// Authentication. Invariant: no error contains a secret. If a mechanism throws, the error contains
// only the message, never the thrown object as `cause`: it may hold a request with its credentials.

import type { SaslHandshakeResponse } from '../protocol/api/17-sasl-handshake.ts'
import { brokerError, brokerErrorEntry, errorNumber } from '../protocol/errors.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { SaslError, type SaslMechanism } from '../protocol/sasl/mechanism.ts'
import { messageOf } from '../runtime/value-kinds.ts'

/** Limit of the mechanisms of a broker that a message lists. */
const offeredMax = 16

export class SaslErrors {
  readonly #mechanism: SaslMechanism

  constructor(mechanism: SaslMechanism) {
    this.#mechanism = mechanism
  }

  /** A mechanism threw. */
  ownFailure(broker: string, thrown: unknown): KafkaError {
    const reason = messageOf(thrown)
    const isTransient = !(thrown instanceof SaslError) || thrown.isTransient || this.#retriesRefusal
    return new KafkaError(
      'AUTHENTICATION_FAILED',
      `${this.#mechanism.name} failed at ${broker}: ${this.#redacted(reason)}`,
      { broker, step: 'sasl', kind: isTransient ? 'retriable' : 'refused' },
    )
  }

  /** The broker returned an error to an API of SASL. */
  refused(broker: string, api: string, errorCode: number, reason: string | null): KafkaError {
    const brokerMessage = reason === null ? undefined : this.#redacted(reason)
    const error = asAuthenticationError(brokerError(errorCode, { api, broker, brokerMessage }))
    const isRejected = errorCode === errorNumber.SASL_AUTHENTICATION_FAILED
    return isRejected && this.#retriesRefusal ? asRetriable(error) : error
  }

  mechanismRefused(broker: string, api: string, response: SaslHandshakeResponse): KafkaError {
    const { errorCode, mechanisms } = response
    const error = this.refused(broker, api, errorCode, null)
    const { name } = this.#mechanism
    if (errorCode === errorNumber.UNSUPPORTED_SASL_MECHANISM) {
      const names = mechanisms.filter((offer) => /^[\w-]{1,40}$/.test(offer))
      const offered = names.slice(0, offeredMax).join(', ') || 'none'
      return asAuthenticationError(error, `${broker} does not offer ${name}: it offers ${offered}`)
    }
    if (errorCode === errorNumber.ILLEGAL_SASL_STATE) {
      const advice = 'remove the option sasl, or use the port of its SASL listener'
      const message = `the listener of ${broker} does not authenticate: ${advice}`
      return asAuthenticationError(error, message)
    }
    return error
  }

  /** The broker does not support an API that SASL needs. */
  unserved(broker: string, api: string): KafkaError {
    const text = `${broker} serves no version of ${api} that this client needs for SASL`
    return new KafkaError('UNSUPPORTED_VERSION', text, { broker, api, step: 'sasl' })
  }

  malformed(broker: string, api: string, cause: unknown): KafkaError {
    const reason = messageOf(cause)
    const context = { broker, api, step: 'sasl', cause } as const
    return new KafkaError('MALFORMED_RESPONSE', `${broker}: ${reason}`, context)
  }

  get #retriesRefusal(): boolean {
    return this.#mechanism.retriesRefusal === true
  }

  #redacted(text: string): string {
    try {
      return this.#mechanism.redact?.(text) ?? text
    } catch {
      return 'for a reason that is not shown'
    }
  }
}

/** During authentication every error code means that the broker refused the client. */
const asAuthenticationError = (error: KafkaError, text?: string): KafkaError => {
  const { broker, api, brokerCode = 0, brokerError: name, brokerMessage } = error
  const message = text === undefined ? error.message : `${text} (${name}, ${brokerCode})`
  const kind = brokerErrorEntry(brokerCode).retriable ? 'retriable' : 'refused'
  const context = { kind, broker, api, step: 'sasl', brokerCode, brokerError: name } as const
  return new KafkaError('AUTHENTICATION_FAILED', message, { ...context, brokerMessage })
}

const asRetriable = (error: KafkaError): KafkaError => {
  const { message, broker, api, step, brokerCode, brokerError: name, brokerMessage } = error
  const context = { broker, api, step, brokerCode, brokerError: name, brokerMessage }
  return new KafkaError('AUTHENTICATION_FAILED', message, { ...context, kind: 'retriable' })
}
