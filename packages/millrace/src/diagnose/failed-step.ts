// The type of a failed step with all known facts, from which the remedies are made. It must not
// contain a secret, because remedies are printed. Callers: address-steps.ts, diagnosis-context.ts,
// and the remedy-*.ts files.

import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { isError } from '../runtime/value-kinds.ts'
import type { Facts } from './failure-facts.ts'

/** The security options, without secrets. */
export interface ConnectionChoices {
  readonly usesTls: boolean
  readonly namesCa: boolean
  readonly showsCertificate: boolean
  readonly usesSocketFactory: boolean
  /** null = no SASL. */
  readonly mechanism: string | null
}

export interface FailedStep {
  readonly step: ConnectStep
  readonly error: KafkaError
  readonly address: Address
  readonly facts: Facts
  readonly choices: ConnectionChoices
  /** The node that advertises the address; null for a bootstrap address. */
  readonly nodeId: number | null
  /** The error code of the cause, if it has one: `ECONNREFUSED`. */
  readonly causeCode: string | null
}

/** The error code of the operating system or Node in the chain of causes. */
export const causeCodeOf = (error: unknown): string | null => {
  let cause = error
  for (let depth = 0; depth < 5 && isError(cause); depth++) {
    cause = cause.cause
    const code = (cause as { code?: unknown } | undefined)?.code
    if (typeof code === 'string') return code
  }
  return null
}
