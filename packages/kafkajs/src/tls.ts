// Converts kafkajs's `ssl`, which are options of Node's `tls.connect`, to the option `tls` of
// millrace. Every option must have the effect that it has in kafkajs; options that weaken security
// are reported once. Caller: security.ts.

import type { ConnectionOptions } from 'node:tls'
import type { TlsOptions } from 'millrace'
import type { SettingWarnings } from './setting-warnings.ts'

/** Options of the connection itself, which millrace sets per broker. */
const ownedByConnection: ReadonlySet<string> = new Set([
  'host',
  'port',
  'path',
  'socket',
  'session',
  'onread',
  'servername',
  'rejectUnauthorized',
  'checkServerIdentity',
])

/** Fields of a certificate and its key; millrace checks them if they have a simple form. */
const identityFields = [
  'ca',
  'cert',
  'key',
  'passphrase',
  'pfx',
  'minVersion',
  'maxVersion',
] as const

type Source = string | Uint8Array

const isSource = (value: unknown): value is Source =>
  (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0
const isMissing = (value: unknown): boolean => value === undefined || value === null
const isSourceOrMissing = (value: unknown): boolean => isMissing(value) || isSource(value)
const isVersionOrMissing = (value: unknown): boolean =>
  isMissing(value) || value === 'TLSv1.2' || value === 'TLSv1.3'

/**
 * Whether the value has a form that millrace accepts; Node accepts more, such as arrays of keys.
 */
const isSimple = ({
  ca,
  cert,
  key,
  passphrase,
  pfx,
  minVersion,
  maxVersion,
}: ConnectionOptions) => {
  const authorities: readonly unknown[] = Array.isArray(ca) ? ca : [ca]
  return (
    (isMissing(ca) || (authorities.length > 0 && authorities.every(isSource))) &&
    [cert, key, pfx, passphrase].every(isSourceOrMissing) &&
    isMissing(cert) === isMissing(key) &&
    (isMissing(pfx) || isMissing(cert)) &&
    (isMissing(passphrase) || !isMissing(key) || !isMissing(pfx)) &&
    [minVersion, maxVersion].every(isVersionOrMissing)
  )
}

const simpleFields = (ssl: ConnectionOptions): TlsOptions => {
  const present = identityFields.filter((name) => !isMissing(ssl[name]))
  return Object.fromEntries(present.map((name) => [name, ssl[name]]))
}

/** The options in `ssl` that disable a protection of TLS. */
const weaknesses = (ssl: ConnectionOptions): string[] => {
  const { minVersion, secureProtocol, ciphers } = ssl
  const found: string[] = []
  if (trustsAny(ssl)) {
    found.push(
      'ssl.rejectUnauthorized is false: brokers are not authenticated, and the ' +
        'connection is not protected against interception (use it for development only)',
    )
  }
  const isOld = /^(TLSv1|TLSv1\.1)$/.test(minVersion ?? '')
  if (isOld || /^(SSLv|TLSv1(_1)?_)/.test(secureProtocol ?? '')) {
    found.push(`ssl.${isOld ? 'minVersion' : 'secureProtocol'} permits versions before TLS 1.2`)
  }
  if (/(^|:)[ae]?NULL|(^|:)(RC4|DES)|SECLEVEL=0/i.test(ciphers ?? '')) {
    found.push('ssl.ciphers permits ciphers that are broken')
  }
  return found
}

/** Without an option, Node's environment variable NODE_TLS_REJECT_UNAUTHORIZED applies. */
const trustsAny = ({ rejectUnauthorized }: ConnectionOptions): boolean =>
  rejectUnauthorized === false ||
  (rejectUnauthorized === undefined && process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0')

/** The option `tls` of millrace that is equivalent to this `ssl`. */
export const toTls = (ssl: ConnectionOptions, warnings: SettingWarnings): TlsOptions => {
  const { servername, checkServerIdentity } = ssl
  const weak = weaknesses(ssl)
  if (weak.length > 0) warnings.warn('ssl', weak.join('; '))
  warnings.suppress('tls.dangerouslyTrustAnyCertificate')
  const simple = isSimple(ssl) ? simpleFields(ssl) : {}
  const others = Object.entries(ssl).filter(
    ([name, value]) =>
      value !== undefined && !ownedByConnection.has(name) && !Object.hasOwn(simple, name),
  )
  return {
    ...simple,
    ...(servername ? { serverName: servername } : {}),
    ...(isMissing(checkServerIdentity) ? {} : { checkServerIdentity }),
    ...(trustsAny(ssl) ? { dangerouslyTrustAnyCertificate: true } : {}),
    ...(others.length > 0 ? { connectionOptions: Object.fromEntries(others) } : {}),
  }
}
