// Examines an address again after a step failed: the broker's certificate, whether it accepts Kafka
// requests without TLS (or TLS requests where none is configured), and its SASL mechanisms. The
// remedies use these facts to name the cause. Each check must open its own connection, which is
// closed afterwards. Callers: address-steps.ts and metadata-step.ts.

import type { Connection } from '../net/connection.ts'
import { saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { SocketFactory } from '../runtime/dial-transport.ts'
import type { CertificateChain, ReadPeerCertificates } from '../runtime/peer-certificates.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import type { ProbedAddress } from './address-probe.ts'
import type { DiagnosisRun } from './diagnosis-run.ts'
import { failedStepOf, type Probe, type ProbeOptions, probe, sendRequest } from './probe.ts'

/** The kind of service at an address, found with the opposite kind of connection. */
export type Peer = 'kafka' | 'tls' | 'http' | 'ssh' | 'other' | 'unknown'

export interface Facts {
  /** The certificates that the server presented; null = none, or not checked. */
  readonly certificates: CertificateChain | null
  readonly peer: Peer
  /** The mechanisms that the listener offers; null = it does not authenticate, or not checked. */
  readonly mechanisms: readonly string[] | null
}

export const noFacts: Facts = { certificates: null, peer: 'unknown', mechanisms: null }

/** What the checks of this file need. */
export interface FactsContext {
  readonly run: DiagnosisRun
  readonly probeOptions: ProbeOptions
  /** The same transport without TLS. */
  readonly plainTransport: Transport
  readonly usesTls: boolean
  /** null if the network is not the machine's own. */
  readonly readCertificates: ReadPeerCertificates | null
  readonly socketFactory: SocketFactory | null
  readonly serverName: string | null
}

/** A broker responds to an unknown mechanism with a list of its own. */
const unknownMechanism = 'NONE'
const mechanismsMax = 16

/** The kind of service that sends these bytes instead of a Kafka response. */
const peerOf = ({ code, message }: KafkaError): Peer => {
  if (code === 'TLS_FAILED') return 'tls'
  const bytes = /the bytes "(.{4})"/.exec(message)?.[1]
  if (bytes === undefined) return code === 'MALFORMED_RESPONSE' ? 'other' : 'unknown'
  if (bytes === 'HTTP') return 'http'
  return bytes === 'SSH-' ? 'ssh' : 'other'
}

const connectAddressOf = ({ address }: ProbedAddress, { host }: Probe): ConnectAddress => ({
  host,
  port: address.port,
  hostName: address.host,
})

const certificatesAt = async (
  context: FactsContext,
  address: ConnectAddress,
): Promise<CertificateChain | null> => {
  const { run, socketFactory, serverName, probeOptions } = context
  if (context.readCertificates === null) return null
  const controller = new AbortController()
  const signal = AbortSignal.any([run.signal, controller.signal])
  const certificates = context.readCertificates(address, { socketFactory, serverName, signal })
  try {
    return await run.within(certificates, probeOptions.stepTimeoutMs, 'no certificate')
  } catch {
    return null
  } finally {
    controller.abort()
  }
}

/** The kind of service that responds without TLS. */
const plainPeer = async (
  context: FactsContext,
  address: ConnectAddress,
  name: string,
): Promise<Peer> => {
  const { run, probeOptions, plainTransport } = context
  const plainOptions: ProbeOptions = { ...probeOptions, transport: plainTransport, sasl: undefined }
  const { connection, error } = await probe(run, plainOptions, address, name)
  connection?.close()
  return error === null ? 'kafka' : peerOf(error)
}

/** The mechanisms of a listener, over a connection without SASL; null = none. */
const offeredBy = async (connection: Connection): Promise<readonly string[] | null> => {
  if (connection.versionFor(saslHandshakeApi) < 0) return null
  try {
    const response = await sendRequest(connection, saslHandshakeApi, {
      mechanism: unknownMechanism,
    })
    if (response.errorCode !== errorNumber.UNSUPPORTED_SASL_MECHANISM) return null
    const names = response.mechanisms.filter((one) => /^[\w-]{1,40}$/.test(one))
    return names.slice(0, mechanismsMax)
  } catch {
    return null
  }
}

/** The SASL mechanisms of the listener; null if it requires none. */
export const mechanismsAt = async (
  { run, probeOptions }: FactsContext,
  probed: ProbedAddress,
): Promise<readonly string[] | null> => {
  if (probed.best === null || run.endReason !== null) return null
  const address = connectAddressOf(probed, probed.best)
  const { connection } = await probe(
    run,
    { ...probeOptions, sasl: undefined },
    address,
    probed.name,
  )
  if (connection === null) return null
  const mechanisms = await offeredBy(connection)
  connection.close()
  return mechanisms
}

/** The facts about a failed TLS handshake: the certificate, or a service without TLS. */
const tlsFacts = async (
  context: FactsContext,
  address: ConnectAddress,
  name: string,
): Promise<Facts> => {
  const certificates = await certificatesAt(context, address)
  if (certificates !== null) return { ...noFacts, certificates, peer: 'tls' }
  return { ...noFacts, peer: await plainPeer(context, address, name) }
}

/** All facts about a failed connection. */
export const factsOf = async (context: FactsContext, probed: ProbedAddress): Promise<Facts> => {
  const { best, name, error } = probed
  if (best === null || error === null || context.run.endReason !== null) return noFacts
  const address = connectAddressOf(probed, best)
  const step = failedStepOf(best)
  const isMalformed = error.code === 'MALFORMED_RESPONSE'
  if (step === 'tls') {
    // With TLS the handshake failed or took too long; without TLS the response was a TLS message.
    if (context.usesTls) return tlsFacts(context, address, name)
    return { ...noFacts, certificates: await certificatesAt(context, address), peer: 'tls' }
  }
  if (step === 'api-versions' && isMalformed) return { ...noFacts, peer: peerOf(error) }
  if (step === 'api-versions' && error.code === 'CONNECTION_FAILED' && !context.usesTls) {
    const certificates = await certificatesAt(context, address)
    return certificates === null ? noFacts : { ...noFacts, certificates, peer: 'tls' }
  }
  if (step === 'sasl' && error.brokerError === 'UNSUPPORTED_SASL_MECHANISM') {
    return { ...noFacts, mechanisms: await mechanismsAt(context, probed) }
  }
  return noFacts
}
