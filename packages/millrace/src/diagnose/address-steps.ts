// The steps for one address: dns, tcp, tls, api-versions, and sasl, as far as they apply and were
// reached. diagnosis.ts reports them for each bootstrap address; listener-steps.ts runs the same
// steps for each advertised address and reports one row. A failed step must be the last row.

import { failureReason } from '../cluster-client/failure-reason.ts'
import type { ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { Address } from '../runtime/transport.ts'
import { type ProbedAddress, probeAddress, type Resolved } from './address-probe.ts'
import type { DiagnosisContext } from './diagnosis-context.ts'
import { causeCodeOf } from './failed-step.ts'
import { type Facts, factsOf } from './failure-facts.ts'
import { failedStepOf, type Probe, stepOrder } from './probe.ts'
import { remedyOf } from './remedy.ts'
import { type DiagnosisStep, failed, passed } from './report.ts'

export interface Examined {
  readonly probed: ProbedAddress
  /** The failure; null if a connection was established. */
  readonly failure: AddressFailure | null
}

export interface AddressFailure {
  readonly step: ConnectStep
  /** The error in a few words, without the address. */
  readonly reason: string
  readonly remedy: string
  readonly causeCode: string | null
}

/**
 * The step that failed: a broker that closes a plain connection but has a certificate expects TLS.
 */
const failedStep = ({ best }: ProbedAddress, facts: Facts, usesTls: boolean): ConnectStep => {
  if (best === null) return 'dns'
  return facts.peer === 'tls' && !usesTls ? 'tls' : failedStepOf(best)
}

/** The remedy of a step that was not started. */
export const moreTime = 'Give the diagnosis more time (timeoutMs): the steps before took all of it.'

export const examine = async (
  context: DiagnosisContext,
  address: Address,
  name: string,
  nodeId: number | null,
  onResolved?: (probed: Resolved) => void,
): Promise<Examined> => {
  const { endReason } = context.run
  const probed = await probeAddress(context.run, context.probeOptions, address, name, onResolved)
  const { error } = probed
  if (endReason !== null) {
    const failure = {
      step: 'dns',
      reason: endReason.message,
      remedy: moreTime,
      causeCode: null,
    } as const
    return { probed, failure }
  }
  if (error === null) return { probed, failure: null }
  const facts = await factsOf(context, probed)
  const step = failedStep(probed, facts, context.usesTls)
  const causeCode = causeCodeOf(error)
  const { choices } = context
  const remedy = remedyOf({ step, error, address, facts, choices, nodeId, causeCode })
  return { probed, failure: { step, reason: failureReason(error, name), remedy, causeCode } }
}

const dnsText = ({ address, hosts }: Resolved, usesSocketFactory: boolean): string => {
  if (usesSocketFactory) return 'left to socketFactory'
  const isName = hosts.length > 1 || hosts[0] !== address.host.replace(/^\[(.*)\]$/, '$1')
  return isName ? `has the address ${hosts.join(', ')}` : 'is an address'
}

/** The row of the DNS step; it does not depend on later steps. */
export const dnsRow = ({ choices }: DiagnosisContext, probed: Resolved): DiagnosisStep =>
  passed('dns', probed.dnsMs, `${probed.name}: ${dnsText(probed, choices.usesSocketFactory)}`)

const isIpv6 = (host: string): boolean => host.includes(':')

/** The results of the name's other addresses; '' if all connected. */
const othersText = ({ others, name, best, address }: ProbedAddress): string => {
  const failures = others.filter(({ error }) => error !== null)
  if (failures.length === 0) return ''
  const texts = failures.map(
    (one) => `${one.host} failed at ${failedStepOf(one)} (${reasonOf(one.error, name)})`,
  )
  const works = best?.error === null ? best.host : null
  const isSplit =
    works !== null &&
    address.host.toLowerCase() === 'localhost' &&
    failures.every(({ host }) => isIpv6(host) !== isIpv6(works))
  const [yes, no] = works !== null && isIpv6(works) ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6']
  const note = isSplit ? `: localhost leads to the broker by ${yes}, not by ${no}` : ''
  return `; ${texts.join(', ')}${note}`
}

const reasonOf = (error: KafkaError | null, name: string): string =>
  error === null ? '' : failureReason(error, name)

/** The detail of a successful step; dnsRow makes the one for `dns`. */
const passedText = (
  step: Exclude<ConnectStep, 'dns'>,
  { choices }: DiagnosisContext,
  probed: ProbedAddress,
  best: Probe,
): string => {
  switch (step) {
    case 'tcp':
      return `connected to ${best.host}${othersText(probed)}`
    case 'tls':
      return 'encrypted, and the certificate is right'
    case 'api-versions':
      return `serves ${best.connection?.brokerVersions.size ?? 'its'} APIs`
    case 'sasl':
      return `authenticated by ${choices.mechanism}`
    default:
      return step satisfies never
  }
}

const orderOf = (step: ConnectStep): number => stepOrder.indexOf(step)

/** The rows for an address, in order; the failed step, if any, is the last one. */
export const addressRows = (
  context: DiagnosisContext,
  { probed, failure }: Examined,
): DiagnosisStep[] => {
  const { best, dnsMs, name } = probed
  const failedRow = (ms: number): DiagnosisStep[] =>
    failure === null
      ? []
      : [
          failed(
            failure.step,
            ms,
            `${name}: ${failure.reason}${othersText(probed)}`,
            failure.remedy,
          ),
        ]
  if (best === null) return failedRow(dnsMs)
  const end = failure === null ? stepOrder.length : orderOf(failure.step)
  const reached = [{ step: 'dns', ms: dnsMs } as const, ...best.times]
  const rows = reached
    .filter(({ step }) => orderOf(step) < end)
    .map(({ step, ms }) =>
      step === 'dns'
        ? dnsRow(context, probed)
        : passed(step, ms, `${name}: ${passedText(step, context, probed, best)}`),
    )
  const lastMs = reached
    .filter(({ step }) => orderOf(step) >= end)
    .reduce((sum, { ms }) => sum + ms, 0)
  return [...rows, ...failedRow(lastMs)]
}
