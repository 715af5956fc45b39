// Words for an attempt at a broker that failed. Two readers: someone whose address is wrong, and
// someone whose bootstrap address is right but whose brokers advertise another that cannot be
// reached from here.

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

/** What became of one resolved address, or of the look-up itself (then `host` is the name). */
export interface AttemptFailure {
  readonly host: string
  readonly error: KafkaError | Error
}

export interface FailedAttempt {
  readonly nodeId: number
  readonly address: Address
  readonly name: string
  /** Who named the address, while nothing ever responded there; null when the user typed it. */
  readonly advertisedBy: string | null
  /** One for each resolved address, in order. */
  readonly failures: readonly AttemptFailure[]
}

/** The address itself failed; there is no resolved address to tell it from. */
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

/** The whole story where the address was advertised, `host:port reason` where the user typed it. */
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

/** What a failure is, whatever its words. */
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
 * What several failures are together: the nature that all share. Where they differ, a refusal says
 * more than an address that does not respond; and without one they are CONNECTION_FAILED.
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
