// Owns the text and the error of a failed attempt to connect to a broker. The text distinguishes
// two cases: the configured address is wrong, or the bootstrap address works but the brokers
// advertise another address that is not reachable from this machine. Callers: NodeLink,
// RoundFailures. Invariant: several failures become one error code only if they share it
// (`sharedNature`).

import {
  type ConnectStep,
  type ErrorCode,
  type ErrorKind,
  isRefusal,
  KafkaError,
} from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { formatAddress } from './address.ts'
import { failureReason } from './failure-reason.ts'

/** The failure of one resolved address, or of the DNS lookup (then `host` is the name). */
export interface AttemptFailure {
  readonly host: string
  readonly error: KafkaError | Error
}

export interface FailedAttempt {
  readonly nodeId: number
  readonly address: Address
  readonly name: string
  /**
   * The broker that advertised the address, if nothing has responded there; null for a configured
   * one.
   */
  readonly advertisedBy: string | null
  /** One for each resolved address, in order. */
  readonly failures: readonly AttemptFailure[]
}

/** The address was not resolved to another one, so the text does not repeat it. */
const isPlain = ({ failures, address }: FailedAttempt): boolean =>
  failures.length <= 1 && (failures[0]?.host ?? address.host) === address.host

/** `connection refused`, or each resolved address with its own reason. */
const reasons = (attempt: FailedAttempt): string => {
  const { failures, address } = attempt
  const [first] = failures
  if (first === undefined) return 'unknown reason'
  if (failures.length === 1 && first.host === address.host)
    return failureReason(first.error, attempt.name)
  const { port } = address
  return failures
    .map(
      ({ host, error }) => `${formatAddress({ host, port })} ${failureReason(error, attempt.name)}`,
    )
    .join(', ')
}

/**
 * `host:port reason` for a configured address; also the broker that advertised it for any other.
 */
export const attemptText = (attempt: FailedAttempt): string => {
  const { advertisedBy, nodeId } = attempt
  const where = formatAddress(attempt.address)
  if (advertisedBy === null) {
    const text = reasons(attempt)
    return isPlain(attempt) ? `${where} ${text}` : `${where} (${text})`
  }
  const advertises = `${advertisedBy} responded, but node ${nodeId} advertises ${where}`
  return `${advertises}, which failed: ${reasons(attempt)}`
}

/** The code and kind of a failure, without its text. */
export interface FailureNature {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly step: ConnectStep | undefined
}

const natureOf = (error: unknown): FailureNature =>
  error instanceof KafkaError
    ? { code: error.code, kind: error.kind, step: error.step }
    : { code: 'CONNECTION_FAILED', kind: 'retriable', step: 'dns' }

/**
 * The common nature of several failures. If they differ, a refusal counts more than an address that
 * does not respond; without a refusal the code is CONNECTION_FAILED.
 */
export const sharedNature = (errors: readonly unknown[]): FailureNature => {
  const natures = errors.map(natureOf)
  const refusal = natures.find(isRefusal)
  if (refusal !== undefined) return refusal
  const [first, ...others] = natures
  if (first !== undefined && others.every(({ code }) => code === first.code)) {
    const isSameStep = others.every(({ step }) => step === first.step)
    return isSameStep ? first : { ...first, step: undefined }
  }
  return { code: 'CONNECTION_FAILED', kind: 'retriable', step: undefined }
}

export const attemptError = (attempt: FailedAttempt): KafkaError => {
  const text = attemptText(attempt)
  const isAdvertised = attempt.advertisedBy !== null
  const target = attempt.nodeId < 0 ? '' : ` to node ${attempt.nodeId}`
  const errors = attempt.failures.map(({ error }) => error)
  const { code, kind, step } = sharedNature(errors)
  const cause = errors.find((error) => natureOf(error).code === code) ?? errors[0]
  const source: Partial<KafkaError> = cause instanceof KafkaError ? cause : {}
  return new KafkaError(code, isAdvertised ? text : `could not connect${target}: ${text}`, {
    broker: attempt.name,
    kind,
    step,
    brokerCode: source.brokerCode,
    brokerError: source.brokerError,
    brokerMessage: source.brokerMessage,
    cause,
  })
}
