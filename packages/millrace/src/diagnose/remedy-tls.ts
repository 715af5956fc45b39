// What to do about a TLS handshake that failed. Each remedy is one sentence, and names the
// certificate, its issuer, its names or its dates where the server has shown it.

import { formatAddress } from '../cluster/address.ts'
import { certificateAlert, handshakeAlert, notTls, saidBy } from '../net/tls-words.ts'
import type { CertificateFacts } from '../runtime/certificate-look.ts'
import { TlsFailure } from '../runtime/tls-failure.ts'
import { strangerRemedy } from './remedy-network.ts'
import type { Trouble } from './trouble.ts'

const selfSigned: ReadonlySet<string> = new Set(['DEPTH_ZERO_SELF_SIGNED_CERT'])

const untrusted: ReadonlySet<string> = new Set([
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

const versionCodes = /UNSUPPORTED_PROTOCOL|NO_PROTOCOLS_AVAILABLE|ALERT_PROTOCOL_VERSION/
const certificateRequired = /ALERT_CERTIFICATE_REQUIRED/

const leafOf = ({ facts }: Trouble): CertificateFacts | undefined => facts.certificates?.[0]

const selfSignedRemedy = (trouble: Trouble): string => {
  const leaf = leafOf(trouble)
  const subject = leaf === undefined ? '' : ` (${leaf.subject})`
  return (
    `Pass the broker's own certificate${subject} as tls.ca, for it signed itself, or give the ` +
    'broker one that an authority signed.'
  )
}

const untrustedRemedy = (trouble: Trouble): string => {
  const issuer = trouble.facts.certificates?.at(-1)?.issuer
  const authority = issuer === undefined ? "the broker's authority" : `the authority '${issuer}'`
  const instead = trouble.wishes.namesCa ? ': the tls.ca that was passed is another one' : ''
  return `Pass the certificate of ${authority} as tls.ca${instead}.`
}

const hostNameRemedy = (trouble: Trouble, failure: TlsFailure): string => {
  const names = failure.certificateNames?.slice(0, 300) || leafOf(trouble)?.names || 'nobody'
  const { nodeId, address } = trouble
  const connect =
    nodeId === null
      ? 'Connect to one of its names'
      : `Let advertised.listeners of node ${nodeId} have one of its names`
  return (
    `${connect}, or pass one as tls.serverName, or give the broker a certificate for ` +
    `${address.host}: the certificate is for ${names}.`
  )
}

const datesRemedy = (trouble: Trouble, hasEnded: boolean): string => {
  const { certificates } = trouble.facts
  const culprit = certificates?.find((one) => one.hasEnded === hasEnded) ?? certificates?.[0]
  const dates =
    culprit === undefined
      ? ''
      : `: that of ${culprit.subject} holds from ${culprit.validFrom} to ${culprit.validTo}`
  return `Give the broker a certificate that holds now, or set this machine's clock right${dates}.`
}

const plainRemedy = (trouble: Trouble): string => {
  const where = formatAddress(trouble.address)
  if (trouble.facts.peer === 'kafka') {
    return `Leave out tls, or use the broker's TLS port: ${where} speaks Kafka without TLS.`
  }
  return (
    strangerRemedy(trouble) ??
    `Leave out tls, or use the broker's TLS port: what answers at ${where} does not speak TLS.`
  )
}

const clientRemedy = ({ wishes }: Trouble): string =>
  wishes.showsCertificate
    ? 'Pass a tls.cert and tls.key that an authority of the broker signed: it refuses these.'
    : 'Pass tls.cert and tls.key: the broker wants a certificate of the client.'

const failureRemedy = (trouble: Trouble, failure: TlsFailure): string => {
  const { code } = failure
  const said = saidBy(failure)
  if (selfSigned.has(code)) return selfSignedRemedy(trouble)
  if (untrusted.has(code)) return untrustedRemedy(trouble)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return hostNameRemedy(trouble, failure)
  if (code === 'CERT_HAS_EXPIRED') return datesRemedy(trouble, true)
  if (code === 'CERT_NOT_YET_VALID') return datesRemedy(trouble, false)
  if (versionCodes.test(said)) {
    return (
      'Widen tls.minVersion and tls.maxVersion, or the ssl.enabled.protocols of the broker: ' +
      'they have no version of TLS in common.'
    )
  }
  if (certificateRequired.test(said) || certificateAlert.test(said)) return clientRemedy(trouble)
  if (handshakeAlert.test(said)) {
    if (!trouble.wishes.showsCertificate) return clientRemedy(trouble)
    return 'Compare tls with the ssl settings of the broker: they have no cipher in common.'
  }
  const isStranger = trouble.facts.peer !== 'tls' && trouble.facts.peer !== 'unknown'
  if (notTls.test(said) || isStranger || failure.isSilent) return plainRemedy(trouble)
  return clientRemedy(trouble)
}

export const tlsRemedy = (trouble: Trouble): string => {
  const { error, wishes, address } = trouble
  if (error.cause instanceof TlsFailure) return failureRemedy(trouble, error.cause)
  const where = formatAddress(address)
  if (!wishes.usesTls) {
    const issuer = trouble.facts.certificates?.at(-1)?.issuer
    const signed = issuer === undefined ? '' : `, with a certificate that '${issuer}' signed`
    return `Set the option tls, or use the broker's plain port: ${where} expects TLS${signed}.`
  }
  // The time ran out in the middle of the handshake.
  if (trouble.facts.peer === 'kafka') return plainRemedy(trouble)
  return `Check that ${where} speaks TLS: it takes the first bytes of the handshake, and is silent.`
}
