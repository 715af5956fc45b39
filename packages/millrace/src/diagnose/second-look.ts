// Examines an address again after a step failed: the broker's certificate, whether it accepts Kafka
// requests without TLS (or TLS requests where none is configured), and its SASL mechanisms. The
// remedies use these facts to name the cause. Each check must open its own connection, which is
// closed afterwards. Callers: address-steps.ts and metadata-step.ts.

import type { Connection } from '../net/connection.ts'
import { saslHandshakeApi } from '../protocol/api/17-sasl-handshake.ts'
import { errorNumber } from '../protocol/errors.ts'
import type { KafkaError } from '../protocol/kafka-error.ts'
import type { CertificateChain, CertificateLook } from '../runtime/certificate-look.ts'
import type { SocketFactory } from '../runtime/dial-transport.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import { ask, failedStepOf, type Probe, probe, type Way } from './probe.ts'
import type { Visit } from './visit.ts'
import type { Tried } from './way.ts'

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

/** The parts that a second look needs. */
export interface LookKit {
  readonly visit: Visit
  readonly way: Way
  /** The same transport without TLS. */
  readonly plainTransport: Transport
  readonly usesTls: boolean
  /** null if the network is not the machine's own. */
  readonly look: CertificateLook | null
  readonly socketFactory: SocketFactory | null
  readonly serverName: string | null
}

/** A broker responds to an unknown mechanism with a list of its own. */
const askedMechanism = 'NONE'
const mechanismsMax = 16

/** The kind of service that sends these bytes instead of a Kafka response. */
const strangerOf = ({ code, message }: KafkaError): Peer => {
  if (code === 'TLS_FAILED') return 'tls'
  const bytes = /the bytes "(.{4})"/.exec(message)?.[1]
  if (bytes === undefined) return code === 'MALFORMED_RESPONSE' ? 'other' : 'unknown'
  if (bytes === 'HTTP') return 'http'
  return bytes === 'SSH-' ? 'ssh' : 'other'
}

const placeOf = ({ address }: Tried, { host }: Probe): ConnectAddress => ({
  host,
  port: address.port,
  hostName: address.host,
})

const look = async (kit: LookKit, place: ConnectAddress): Promise<CertificateChain | null> => {
  const { visit, socketFactory, serverName, way } = kit
  if (kit.look === null) return null
  const controller = new AbortController()
  const signal = AbortSignal.any([visit.signal, controller.signal])
  const looked = kit.look(place, { socketFactory, serverName, signal })
  try {
    return await visit.within(looked, way.stepTimeoutMs, 'no certificate')
  } catch {
    return null
  } finally {
    controller.abort()
  }
}

/** The kind of service that responds without TLS. */
const plainPeer = async (kit: LookKit, place: ConnectAddress, name: string): Promise<Peer> => {
  const { visit, way, plainTransport } = kit
  const plainWay: Way = { ...way, transport: plainTransport, sasl: undefined }
  const { connection, error } = await probe(visit, plainWay, place, name)
  connection?.close()
  return error === null ? 'kafka' : strangerOf(error)
}

/** The mechanisms of a listener, over a connection without SASL; null = none. */
const offeredBy = async (connection: Connection): Promise<readonly string[] | null> => {
  if (connection.versionFor(saslHandshakeApi) < 0) return null
  try {
    const response = await ask(connection, saslHandshakeApi, { mechanism: askedMechanism })
    if (response.errorCode !== errorNumber.UNSUPPORTED_SASL_MECHANISM) return null
    const names = response.mechanisms.filter((one) => /^[\w-]{1,40}$/.test(one))
    return names.slice(0, mechanismsMax)
  } catch {
    return null
  }
}

/** The SASL mechanisms of the listener; null if it requires none. */
export const mechanismsAt = async (
  { visit, way }: LookKit,
  tried: Tried,
): Promise<readonly string[] | null> => {
  if (tried.best === null || visit.over !== null) return null
  const place = placeOf(tried, tried.best)
  const { connection } = await probe(visit, { ...way, sasl: undefined }, place, tried.name)
  if (connection === null) return null
  const mechanisms = await offeredBy(connection)
  connection.close()
  return mechanisms
}

/** The facts about a failed TLS handshake: the certificate, or a service without TLS. */
const tlsFacts = async (kit: LookKit, place: ConnectAddress, name: string): Promise<Facts> => {
  const certificates = await look(kit, place)
  if (certificates !== null) return { ...noFacts, certificates, peer: 'tls' }
  return { ...noFacts, peer: await plainPeer(kit, place, name) }
}

/** All facts about a failed connection. */
export const factsOf = async (kit: LookKit, tried: Tried): Promise<Facts> => {
  const { best, name, error } = tried
  if (best === null || error === null || kit.visit.over !== null) return noFacts
  const place = placeOf(tried, best)
  const step = failedStepOf(best)
  const isMalformed = error.code === 'MALFORMED_RESPONSE'
  if (step === 'tls') {
    // With TLS the handshake failed or took too long; without TLS the response was a TLS message.
    if (kit.usesTls) return tlsFacts(kit, place, name)
    return { ...noFacts, certificates: await look(kit, place), peer: 'tls' }
  }
  if (step === 'api-versions' && isMalformed) return { ...noFacts, peer: strangerOf(error) }
  if (step === 'api-versions' && error.code === 'CONNECTION_FAILED' && !kit.usesTls) {
    const certificates = await look(kit, place)
    return certificates === null ? noFacts : { ...noFacts, certificates, peer: 'tls' }
  }
  if (step === 'sasl' && error.brokerError === 'UNSUPPORTED_SASL_MECHANISM') {
    return { ...noFacts, mechanisms: await mechanismsAt(kit, tried) }
  }
  return noFacts
}
