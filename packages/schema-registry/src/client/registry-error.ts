// What a schema registry responds when it does not respond with a schema, and whether the same
// request may succeed later. Made by the client, and thrown through serializers to the caller.

import { KafkaError } from 'millrace'

/** What is known about the failed request. */
export interface RegistryFailure {
  /** HTTP status; 0 = there was no response. */
  readonly status: number
  /** The registry's own error number: 40401 = the subject was not found. */
  readonly code: number | undefined
}

const transientStatuses: ReadonlySet<number> = new Set([0, 408, 425, 429, 500, 502, 503, 504])

/** A KafkaError: SCHEMA_REGISTRY_UNAVAILABLE where the same call may succeed later. */
export class RegistryError extends KafkaError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof KafkaError && 'registryCode' in value
  }

  /** HTTP status of the registry's response; 0 = there was none. */
  readonly status: number
  /** The registry's own error number: 40401 = the subject was not found. */
  readonly registryCode: number | undefined

  /** Made by `SchemaRegistry`. */
  constructor(message: string, { status, code }: RegistryFailure, cause?: unknown) {
    const isTransient = transientStatuses.has(status)
    super(isTransient ? 'SCHEMA_REGISTRY_UNAVAILABLE' : 'SCHEMA_REGISTRY_REJECTED', message, {
      ...(cause === undefined ? {} : { cause }),
    })
    this.status = status
    this.registryCode = code
  }
}
