// A step on the way to a broker that failed, with all that is known about it: what the remedies are
// made from.

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { isError } from '../runtime/value-kinds.ts'
import type { Facts } from './second-look.ts'

/** What the options say of security, without a secret. */
export interface ConnectionChoices {
  readonly usesTls: boolean
  readonly namesCa: boolean
  readonly showsCertificate: boolean
  readonly usesSocketFactory: boolean
  /** Null = no SASL. */
  readonly mechanism: string | null
}

export interface FailedStep {
  readonly step: ConnectStep
  readonly error: KafkaError
  readonly address: Address
  readonly facts: Facts
  readonly choices: ConnectionChoices
  /** The node that advertises the address; null if the user named it. */
  readonly nodeId: number | null
  /** Of the cause, where it has one: `ECONNREFUSED`. */
  readonly causeCode: string | null
}

/** The code of what the operating system or Node said, however deep it lies. */
export const causeCodeOf = (error: unknown): string | null => {
  let cause = error
  for (let depth = 0; depth < 5 && isError(cause); depth++) {
    cause = cause.cause
    const code = (cause as { code?: unknown } | undefined)?.code
    if (typeof code === 'string') return code
  }
  return null
}
