// What to do about a name that does not resolve, a port that nobody answers, and something that
// answers and is not Kafka. Each remedy is one sentence that names what it is about.

import { formatAddress } from '../cluster/address.ts'
import type { Trouble } from './trouble.ts'

const listenerOf = (nodeId: number): string => `advertised.listeners of node ${nodeId}`

export const dnsRemedy = ({ address, causeCode, nodeId }: Trouble): string => {
  const { host } = address
  if (causeCode === 'EAI_AGAIN' || causeCode === null) {
    return `Check this machine's network and name servers: none of them answered for ${host}.`
  }
  if (nodeId !== null) {
    return (
      `Set ${listenerOf(nodeId)} to a name that its clients can resolve: '${host}' is not known ` +
      'here, and may mean something in the network of the broker (of its containers) only.'
    )
  }
  return `Correct the host name '${host}', or add it to the DNS or to this machine's hosts file.`
}

const unreachableCodes: ReadonlySet<string> = new Set([
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])

export const tcpRemedy = ({ address, causeCode, error, nodeId, wishes }: Trouble): string => {
  const where = formatAddress(address)
  if (wishes.usesSocketFactory && causeCode === null) {
    return `Look at the option socketFactory: it opened no way to ${where}.`
  }
  if (causeCode === 'ECONNREFUSED') {
    if (nodeId !== null) {
      return (
        `Set ${listenerOf(nodeId)} to the host and port by which clients come, or start the ` +
        `broker: nothing listens at ${where}.`
      )
    }
    return `Correct the port, or start the broker: nothing listens at ${where}.`
  }
  if (causeCode !== null && unreachableCodes.has(causeCode)) {
    return `Check routes, VPN and the address: there is no way from here to ${where}.`
  }
  if (causeCode === null || causeCode === 'ETIMEDOUT') {
    const advertised = nodeId === null ? '' : `, or set ${listenerOf(nodeId)} to another address`
    return (
      `Open port ${address.port} in the firewalls and security groups between here and ` +
      `${address.host}${advertised}: packets get no answer.`
    )
  }
  return error.remedy
}

const strangers = { http: 'a web server', ssh: 'an SSH server', other: 'something else' } as const

/** Whoever answers there is not Kafka; null = that is not known. */
export const strangerRemedy = ({ address, facts }: Trouble): string | null => {
  const { peer } = facts
  if (peer !== 'http' && peer !== 'ssh' && peer !== 'other') return null
  return (
    `Use the port of a Kafka listener (9092 by default): ${strangers[peer]} answers at ` +
    `${formatAddress(address)}, not Kafka.`
  )
}

export const apiVersionsRemedy = (trouble: Trouble): string => {
  const { address, error, wishes } = trouble
  const where = formatAddress(address)
  const stranger = strangerRemedy(trouble)
  if (stranger !== null) return stranger
  if (error.code === 'UNSUPPORTED_VERSION') {
    return 'Upgrade the broker to Kafka 2.1 or newer, or take a client that is as old as it is.'
  }
  if (error.brokerCode !== undefined) {
    const code = error.brokerCode
    return `Look into the log of the broker: it answers ApiVersions with the error ${code}.`
  }
  if (error.code === 'REQUEST_TIMEOUT') {
    return `Check that Kafka listens at ${where} and is not stuck: it takes bytes and answers none.`
  }
  if (wishes.usesTls && !wishes.showsCertificate) {
    return 'Pass tls.cert and tls.key: the broker hangs up on a client that shows no certificate.'
  }
  if (wishes.usesTls) {
    return 'Check that the broker trusts the authority of tls.cert: it hangs up after TLS.'
  }
  return (
    `Check that ${where} is a Kafka listener, of Kafka 2.1 or newer and without TLS: it hangs ` +
    'up on the first request.'
  )
}
