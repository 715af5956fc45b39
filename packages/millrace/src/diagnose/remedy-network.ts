// Remedies for a name that can't be resolved, a port without a response, and a service that is not
// Kafka. Each remedy is one sentence that names the address. Callers: remedy.ts and remedy-tls.ts.

import { formatAddress } from '../cluster-client/address.ts'
import type { FailedStep } from './failed-step.ts'

const listenerOf = (nodeId: number): string => `advertised.listeners of node ${nodeId}`

export const dnsRemedy = ({ address, causeCode, nodeId }: FailedStep): string => {
  const { host } = address
  if (causeCode === 'EAI_AGAIN' || causeCode === null) {
    return `Check this machine's network and name servers: none of them responded for ${host}.`
  }
  if (nodeId !== null) {
    return (
      `Set ${listenerOf(nodeId)} to a name that its clients can resolve: '${host}' is not known ` +
      'here; it may be known only in the network of the broker or of its containers.'
    )
  }
  return `Correct the host name '${host}', or add it to the DNS or to this machine's hosts file.`
}

const unreachableCodes: ReadonlySet<string> = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])

export const tcpRemedy = ({ address, causeCode, error, nodeId, choices }: FailedStep): string => {
  const where = formatAddress(address)
  if (choices.usesSocketFactory && causeCode === null) {
    return `Check the option socketFactory: it opened no connection to ${where}.`
  }
  if (causeCode === 'ECONNREFUSED') {
    if (nodeId !== null) {
      return (
        `Set ${listenerOf(nodeId)} to the host and port that clients connect to, or start the ` +
        `broker: nothing listens at ${where}.`
      )
    }
    return `Correct the port, or start the broker: nothing listens at ${where}.`
  }
  if (causeCode !== null && unreachableCodes.has(causeCode)) {
    return `Check routes, VPN and the address: there is no route from here to ${where}.`
  }
  if (causeCode === null || causeCode === 'ETIMEDOUT') {
    const advertised = nodeId === null ? '' : `, or set ${listenerOf(nodeId)} to another address`
    return (
      `Open port ${address.port} in the firewalls and security groups between here and ` +
      `${address.host}${advertised}: packets get no response.`
    )
  }
  return error.remedy
}

const otherServices = {
  http: 'a web server',
  ssh: 'an SSH server',
  other: 'something else',
} as const

/** The remedy for a service that is not Kafka; null = unknown service. */
export const otherServiceRemedy = ({ address, facts }: FailedStep): string | null => {
  const { peer } = facts
  if (peer !== 'http' && peer !== 'ssh' && peer !== 'other') return null
  return (
    `Use the port of a Kafka listener (9092 by default): ${otherServices[peer]} responds at ` +
    `${formatAddress(address)}, not Kafka.`
  )
}

export const apiVersionsRemedy = (failedStep: FailedStep): string => {
  const { address, error, choices } = failedStep
  const where = formatAddress(address)
  const otherService = otherServiceRemedy(failedStep)
  if (otherService !== null) return otherService
  if (error.code === 'UNSUPPORTED_VERSION') {
    return 'Upgrade the broker to Kafka 1.0 or newer, or disable the feature that is named above.'
  }
  if (error.brokerCode !== undefined) {
    const code = error.brokerCode
    return `Check the log of the broker: it responds to ApiVersions with the error ${code}.`
  }
  if (error.code === 'REQUEST_TIMEOUT') {
    return `Check that Kafka listens at ${where} and is not stuck: it reads but does not respond.`
  }
  if (choices.usesTls && !choices.showsCertificate) {
    return (
      'Pass tls.cert and tls.key: the broker closes the connection of a client without a ' +
      'certificate.'
    )
  }
  if (choices.usesTls) {
    return (
      'Check that the broker trusts the authority of tls.cert: it closes the connection after ' +
      'the TLS handshake.'
    )
  }
  return (
    `Check that ${where} is a Kafka listener, of Kafka 1.0 or newer and without TLS: it closes ` +
    'the connection at the first request.'
  )
}
