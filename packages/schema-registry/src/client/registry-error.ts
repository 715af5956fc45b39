// RegistryError: the error for a request that did not return a schema. It stores the HTTP status
// and the registry's error number, and whether the same call may succeed later. The client throws
// it; serializers pass it to the caller unchanged.

import { KafkaError } from 'millrace'

/** The facts about the failed request. */
export interface RegistryFailure {
  /** The HTTP status; 0 = there was no response. */
  readonly status: number
  /** The registry's own error number: 40401 = the subject was not found. */
  readonly code: number | undefined
}

const transientStatuses: ReadonlySet<number> = new Set([0, 408, 425, 429, 500, 502, 503, 504])

/** A KafkaError; its code is SCHEMA_REGISTRY_UNAVAILABLE if the same call may succeed later. */
export class RegistryError extends KafkaError {
  static override [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof KafkaError && 'registryCode' in value
  }

  /** The HTTP status of the registry's response; 0 = there was none. */
  readonly status: number
  /** The registry's own error number: 40401 = the subject was not found. */
  readonly registryCode: number | undefined

  /** Created by `SchemaRegistry`. */
  constructor(message: string, { status, code }: RegistryFailure, cause?: unknown) {
    const isTransient = transientStatuses.has(status)
    super(isTransient ? 'SCHEMA_REGISTRY_UNAVAILABLE' : 'SCHEMA_REGISTRY_REJECTED', message, {
      ...(cause === undefined ? {} : { cause }),
    })
    this.status = status
    this.registryCode = code
  }
}
