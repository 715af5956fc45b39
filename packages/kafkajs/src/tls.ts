// Converts kafkajs's `ssl`, which are options of Node's `tls.connect`, to the option `tls` of
// millrace. Every option has the effect that it has in kafkajs; those that weaken security are
// reported once. Called by security.ts.

import type { ConnectionOptions } from 'node:tls'
import type { TlsOptions } from 'millrace'
import type { SettingWarnings } from './setting-warnings.ts'

/** What a connection is made of belongs to the broker and not to `ssl`. */
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

/** Fields of a certificate and its key, which millrace checks when they have a simple form. */
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

/** Whether millrace has the same forms; Node has more, such as arrays of keys. */
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

/** What of `ssl` gives up a protection that TLS has by default. */
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

/** Node's environment variable counts where `ssl` does not say. */
const trustsAny = ({ rejectUnauthorized }: ConnectionOptions): boolean =>
  rejectUnauthorized === false ||
  (rejectUnauthorized === undefined && process.env.NODE_TLS_REJECT_UNAUTHORIZED === '0')

/** The option `tls` with the meaning of this `ssl`. */
export const toTls = (ssl: ConnectionOptions, warnings: SettingWarnings): TlsOptions => {
  const { servername, checkServerIdentity } = ssl
  const weak = weaknesses(ssl)
  if (weak.length > 0) warnings.warn('ssl', weak.join('; '))
  warnings.leaveOut('tls.dangerouslyTrustAnyCertificate')
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
