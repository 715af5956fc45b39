// What a schema registry answers when it does not answer a schema, and whether it may pass.

import { KafkaError } from 'millrace'

export interface RegistryFailure {
  /** HTTP status; 0 = there was no answer. */
  readonly status: number
  /** The registry's own number: 40401 = no such subject. */
  readonly code: number | undefined
}

const mayPass = (status: number): boolean => status === 0 || status === 429 || status >= 500

/** A KafkaError that is `retriable` where the same call may succeed later. */
export class RegistryError extends KafkaError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof KafkaError && 'registryCode' in value
  }

  /** HTTP status of the registry's answer; 0 = there was none. */
  readonly status: number
  /** The registry's own number: 40401 = no such subject. */
  readonly registryCode: number | undefined

  /** Made by `SchemaRegistry`. */
  constructor(message: string, { status, code }: RegistryFailure, cause?: unknown) {
    super('SERIALIZATION_FAILED', message, {
      kind: mayPass(status) ? 'retriable' : 'rejected',
      ...(cause === undefined ? {} : { cause }),
    })
    this.status = status
    this.registryCode = code
  }
}
