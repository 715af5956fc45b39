// Remedies for a failed TLS handshake. Each is one sentence that includes the certificate's issuer,
// names, or dates if the server presented a certificate. It keeps no state. Caller: remedy.ts.

import { formatAddress } from '../cluster-client/address.ts'
import { certificateAlert, handshakeAlert, notTls, opensslReasonOf } from '../net/tls-messages.ts'
import type { CertificateFacts } from '../runtime/peer-certificates.ts'
import { TlsFailure } from '../runtime/tls-failure.ts'
import type { FailedStep } from './failed-step.ts'
import { otherServiceRemedy } from './remedy-network.ts'

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

const leafOf = ({ facts }: FailedStep): CertificateFacts | undefined => facts.certificates?.[0]

const selfSignedRemedy = (failedStep: FailedStep): string => {
  const leaf = leafOf(failedStep)
  const subject = leaf === undefined ? '' : ` (${leaf.subject})`
  return (
    `Pass the broker's own certificate${subject} as tls.ca, because it is self-signed, or give ` +
    'the broker a certificate that an authority signed.'
  )
}

const untrustedRemedy = (failedStep: FailedStep): string => {
  const issuer = failedStep.facts.certificates?.at(-1)?.issuer
  const authority = issuer === undefined ? "the broker's authority" : `the authority '${issuer}'`
  const instead = failedStep.choices.namesCa ? ': the tls.ca that was passed is another one' : ''
  return `Pass the certificate of ${authority} as tls.ca${instead}.`
}

const hostNameRemedy = (failedStep: FailedStep, failure: TlsFailure): string => {
  const names = failure.certificateNames?.slice(0, 300) || leafOf(failedStep)?.names || 'no host'
  const { nodeId, address } = failedStep
  const connect =
    nodeId === null
      ? 'Connect to one of its names'
      : `Set advertised.listeners of node ${nodeId} to one of its names`
  return (
    `${connect}, or pass one as tls.serverName, or give the broker a certificate for ` +
    `${address.host}: the certificate is for ${names}.`
  )
}

const datesRemedy = (failedStep: FailedStep, hasEnded: boolean): string => {
  const { certificates } = failedStep.facts
  const invalid = certificates?.find((one) => one.hasEnded === hasEnded) ?? certificates?.[0]
  const dates =
    invalid === undefined
      ? ''
      : `: that of ${invalid.subject} is valid from ${invalid.validFrom} to ${invalid.validTo}`
  return `Give the broker a certificate that is valid now, or correct this machine's clock${dates}.`
}

const plainRemedy = (failedStep: FailedStep): string => {
  const where = formatAddress(failedStep.address)
  if (failedStep.facts.peer === 'kafka') {
    return `Remove tls, or use the broker's TLS port: ${where} speaks Kafka without TLS.`
  }
  return (
    otherServiceRemedy(failedStep) ??
    `Remove tls, or use the broker's TLS port: the service at ${where} does not use TLS.`
  )
}

const clientRemedy = ({ choices }: FailedStep): string =>
  choices.showsCertificate
    ? 'Pass a tls.cert and tls.key that an authority of the broker signed: it refuses these.'
    : 'Pass tls.cert and tls.key: the broker requires a client certificate.'

const failureRemedy = (failedStep: FailedStep, failure: TlsFailure): string => {
  const { code } = failure
  const reason = opensslReasonOf(failure)
  if (selfSigned.has(code)) return selfSignedRemedy(failedStep)
  if (untrusted.has(code)) return untrustedRemedy(failedStep)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return hostNameRemedy(failedStep, failure)
  if (code === 'CERT_HAS_EXPIRED') return datesRemedy(failedStep, true)
  if (code === 'CERT_NOT_YET_VALID') return datesRemedy(failedStep, false)
  if (versionCodes.test(reason)) {
    return (
      'Widen tls.minVersion and tls.maxVersion, or the ssl.enabled.protocols of the broker: ' +
      'they have no version of TLS in common.'
    )
  }
  if (certificateRequired.test(reason) || certificateAlert.test(reason))
    return clientRemedy(failedStep)
  if (handshakeAlert.test(reason)) {
    if (!failedStep.choices.showsCertificate) return clientRemedy(failedStep)
    return 'Compare tls with the ssl settings of the broker: they have no cipher in common.'
  }
  const isOtherService = failedStep.facts.peer !== 'tls' && failedStep.facts.peer !== 'unknown'
  if (notTls.test(reason) || isOtherService || failure.isSilent) return plainRemedy(failedStep)
  return clientRemedy(failedStep)
}

export const tlsRemedy = (failedStep: FailedStep): string => {
  const { error, choices, address } = failedStep
  if (error.cause instanceof TlsFailure) return failureRemedy(failedStep, error.cause)
  const where = formatAddress(address)
  if (!choices.usesTls) {
    const issuer = failedStep.facts.certificates?.at(-1)?.issuer
    const signed = issuer === undefined ? '' : `, with a certificate that '${issuer}' signed`
    return `Set the option tls, or use the broker's plain port: ${where} expects TLS${signed}.`
  }
  // The time limit was reached during the handshake.
  if (failedStep.facts.peer === 'kafka') return plainRemedy(failedStep)
  return (
    `Check that ${where} uses TLS: it accepts the first bytes of the handshake, but does not ` +
    'respond.'
  )
}
