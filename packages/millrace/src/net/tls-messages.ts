// Owns the readable text for a failed TLS handshake: the reason, the remedy, and whether a retry
// can succeed without a change. Callers: connection-errors.ts, diagnose/remedy-tls.ts. Invariant:
// the error code decides; OpenSSL's text is read only where the code is not specific.

import type { ErrorKind } from '../protocol/kafka-error.ts'
import { printableText } from '../runtime/printable-text.ts'
import type { TlsFailure } from '../runtime/tls-failure.ts'
import type { ConnectAddress } from '../runtime/transport.ts'

export interface TlsFailureText {
  readonly reason: string
  readonly kind: ErrorKind
}

const untrusted = "the broker's certificate is not signed by an authority that is trusted here"
const caAdvice = 'pass its authority as tls.ca'
/** Not a code of Node: the local TLS options cannot be used (runtime/tls-source.ts). */
const unavailable = 'TLS_UNAVAILABLE'
const clientMissing = 'the broker requires a client certificate: pass tls.cert and tls.key'
const versions = 'the broker and this client share no version or cipher of TLS'

const textByCode: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the broker's certificate, or one of its authorities', has expired",
  CERT_NOT_YET_VALID: "the broker's certificate is not valid yet: are the clocks right?",
  CERT_REVOKED: "the broker's certificate was revoked",
  CERT_SIGNATURE_FAILURE: `${untrusted} (its signature is wrong): ${caAdvice}`,
  CERT_UNTRUSTED: `${untrusted}: ${caAdvice}`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `${untrusted} (it is self-signed): ${caAdvice}`,
  INVALID_PURPOSE: "the broker's certificate is not made for servers",
  SELF_SIGNED_CERT_IN_CHAIN: `${untrusted}: ${caAdvice}`,
  UNABLE_TO_GET_ISSUER_CERT: `${untrusted}: ${caAdvice}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `${untrusted}: ${caAdvice}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${untrusted}: ${caAdvice}`,
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: versions,
  ERR_SSL_UNSUPPORTED_PROTOCOL: versions,
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: versions,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: clientMissing,
}

/** Alerts with which a server rejects the certificate of its client. */
export const certificateAlert =
  /ALERT_((BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_[A-Z]+|UNKNOWN_CA|ACCESS_DENIED)/
export const handshakeAlert = /ALERT_(HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY)/
/** OpenSSL's text for bytes that are not TLS. */
export const notTls =
  /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|BAD_RECORD_TYPE|RECORD_LAYER/

/** If the code is only EPROTO, OpenSSL's text contains the same reason in lower case. */
export const opensslReasonOf = ({ code, message }: TlsFailure): string =>
  `${code}_${message.trim().replace(/[ :]+/g, '_').toUpperCase()}`

const plainAdvice = "remove the option tls, or use the port of the broker's TLS listener"

const refused = (reason: string): TlsFailureText => ({ reason, kind: 'refused' })

/** `this client's certificate (CN=orders, valid to …)` */
const ownCertificate = ({ clientCertificate }: TlsFailure): string =>
  clientCertificate === null
    ? 'a certificate of this client'
    : `this client's certificate (${printableText(clientCertificate)})`

/** `address` is the address of the connection. */
export const describeTlsFailure = (
  failure: TlsFailure,
  address: ConnectAddress,
): TlsFailureText => {
  const { code } = failure
  if (code === unavailable) return { reason: failure.message, kind: 'retriable' }
  const known = Object.hasOwn(textByCode, code) ? textByCode[code] : undefined
  if (known !== undefined) return refused(`${known} (${code})`)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const wanted = address.hostName ?? address.host
    const names = failure.certificateNames?.slice(0, 300) ?? 'no name at all'
    return refused(
      `the broker's certificate is for ${names}, not for ${wanted}: connect to one of its names, ` +
        'or pass that as tls.serverName',
    )
  }
  if (failure.isIdentityRefused) {
    return refused(`tls.checkServerIdentity refused the broker's certificate: ${failure.message}`)
  }
  const opensslReason = opensslReasonOf(failure)
  if (certificateAlert.test(opensslReason)) {
    const certificate = ownCertificate(failure)
    const advice = 'pass tls.cert and tls.key that it knows'
    return refused(`the broker does not accept ${certificate} (${code}): ${advice}`)
  }
  if (handshakeAlert.test(opensslReason)) {
    return refused(
      `the broker rejects the handshake (${code}): does it require a client certificate?`,
    )
  }
  if (notTls.test(opensslReason)) {
    return refused(`the service at this address does not use TLS: ${plainAdvice}`)
  }
  if (failure.isSilent) {
    // A plaintext listener closes in this way, and so does a broker that is stopping.
    const reason =
      'the peer closed the connection in the TLS handshake: if it does not use TLS, ' + plainAdvice
    return { reason, kind: 'retriable' }
  }
  const reason =
    code === 'ECONNRESET'
      ? 'the broker closed the connection in the TLS handshake: does it accept ' +
        `${ownCertificate(failure)}?`
      : `the TLS handshake failed: ${failure.message} (${code})`
  return { reason, kind: 'retriable' }
}
