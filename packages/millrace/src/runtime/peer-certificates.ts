// Owns the inspection of a server's certificate, trusted or not. Caller: diagnose/, which explains
// why a handshake failed, because Node does not keep the certificate of a peer that it does not
// trust. Invariant: nothing is sent over this connection; it is closed after the handshake.

import type { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { SocketFactory } from './dial-transport.ts'
import { nodeTls } from './lazy-builtins.ts'
import { dialTcp, withoutBrackets } from './tcp-transport.ts'
import type { ConnectAddress } from './transport.ts'

export interface CertificateFacts {
  readonly subject: string
  readonly issuer: string
  /** `DNS:broker.example, IP Address:10.0.0.1`; empty if it contains no host name. */
  readonly names: string
  readonly validFrom: string
  readonly validTo: string
  readonly hasEnded: boolean
  readonly isSelfSigned: boolean
}

/** The certificates of a server: its own first, then the others that it sent. */
export type CertificateChain = readonly CertificateFacts[]

const chainLengthMax = 10
const textLengthMax = 300

/** `CN=broker, O=Example`; OpenSSL puts each part on a separate line. */
const oneLine = (text: string): string =>
  text.trim().split('\n').reverse().join(', ').slice(0, textLengthMax) || 'no name'

const factsOf = (certificate: X509Certificate): CertificateFacts => ({
  subject: oneLine(certificate.subject),
  issuer: oneLine(certificate.issuer),
  names: certificate.subjectAltName?.slice(0, textLengthMax) ?? '',
  validFrom: certificate.validFrom,
  validTo: certificate.validTo,
  hasEnded: Date.parse(certificate.validTo) < Date.now(),
  isSelfSigned: certificate.checkIssued(certificate),
})

const chainOf = (first: X509Certificate | undefined): CertificateChain => {
  const chain: CertificateFacts[] = []
  let certificate = first
  while (certificate !== undefined && chain.length < chainLengthMax) {
    const facts = factsOf(certificate)
    chain.push(facts)
    certificate = facts.isSelfSigned ? undefined : certificate.issuerCertificate
  }
  return chain
}

export interface ReadCertificatesOptions {
  readonly socketFactory: SocketFactory | null
  /** The server name to request, if it differs from the host of the connection. */
  readonly serverName: string | null
  /** Cancels the inspection. */
  readonly signal: AbortSignal
}

export type ReadPeerCertificates = typeof readPeerCertificates

const dial = async (
  address: ConnectAddress,
  socketFactory: SocketFactory | null,
): Promise<Duplex> =>
  socketFactory === null
    ? dialTcp(address)
    : socketFactory({ host: withoutBrackets(address.host), port: address.port })

/** Null if the peer shows no certificate: it does not use TLS, or closes before. */
export const readPeerCertificates = async (
  address: ConnectAddress,
  { socketFactory, serverName, signal }: ReadCertificatesOptions,
): Promise<CertificateChain | null> => {
  let socket: Duplex
  try {
    socket = await dial(address, socketFactory)
  } catch {
    return null
  }
  const name = withoutBrackets(serverName ?? address.hostName ?? address.host)
  return new Promise((resolve) => {
    const secured = nodeTls().connect({
      socket,
      servername: isIP(name) === 0 ? name : '',
      rejectUnauthorized: false,
    })
    const end = (chain: CertificateChain | null): void => {
      signal.removeEventListener('abort', onAbort)
      resolve(chain)
      secured.destroy()
      socket.destroy()
    }
    const onAbort = (): void => end(null)
    secured.on('error', () => end(null))
    socket.on('error', () => end(null))
    socket.on('close', () => end(null))
    secured.once('secureConnect', () => end(chainOf(secured.getPeerX509Certificate())))
    if (signal.aborted) end(null)
    else signal.addEventListener('abort', onAbort, { once: true })
  })
}
