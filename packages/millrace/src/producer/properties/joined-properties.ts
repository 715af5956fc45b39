// Owns the properties whose meaning depends on others: Java's key and trust stores
// (`ssl.keystore.*`, `ssl.truststore.*`), compression levels, the rack, and whether keys choose
// partitions. PEM files are used directly and PKCS #12 keystores as `pfx`. A store that only Java
// can read is rejected, with the command that converts it to PEM. Caller: read-properties.ts.
// Invariant: it runs after all properties were read.

import type { PropertySettings } from './property-settings.ts'
import { ignoreKeysOption, levelOption, rackAwareOption } from './property-table.ts'

const take = (options: Record<string, unknown>, name: string): string | undefined => {
  const value = options[name]
  delete options[name]
  return value === undefined ? undefined : String(value)
}

/** Java's default type is JKS; here the file extension decides. */
const typeOf = (path: string, stated: string | undefined): string => {
  if (stated !== undefined) return stated
  if (/\.(p12|pfx|pkcs12)$/i.test(path)) return 'PKCS12'
  return /\.jks$/i.test(path) ? 'JKS' : 'PEM'
}

const toPkcs12 = (path: string): string =>
  `keytool -importkeystore -srckeystore ${path} -destkeystore store.p12 -deststoretype PKCS12`

const takeKeystore = ({ access, options, problems }: PropertySettings): void => {
  const path = take(options, 'ssl.keystore.location')
  const stated = take(options, 'ssl.keystore.type')
  const password = take(options, 'ssl.keystore.password')
  if (path === undefined) return
  const type = typeOf(path, stated)
  if (type === 'PKCS12') {
    access.pfx = path
    if (password !== undefined) access.passphrase = password
  } else if (type === 'PEM') {
    access.cert ??= path
    access.key ??= path
  } else {
    problems.push(`ssl.keystore.location is a JKS file, which only Java reads: ${toPkcs12(path)}`)
  }
}

/** One command for both kinds: text around the certificates is allowed in a PEM file. */
const truststoreAdvice = (path: string, isPkcs12: boolean): string =>
  `ssl.truststore.location is a ${isPkcs12 ? 'PKCS #12' : 'JKS'} file, which only Java reads: ` +
  `keytool -list -rfc -keystore ${path} > ca.pem` +
  (isPkcs12 ? ` (or openssl pkcs12 -in ${path} -nokeys -out ca.pem)` : '') +
  ' makes a PEM file of it, for'

const takeTruststore = ({ access, options }: PropertySettings): void => {
  const path = take(options, 'ssl.truststore.location')
  const type = take(options, 'ssl.truststore.type')
  take(options, 'ssl.truststore.password')
  if (path === undefined) return
  const kind = typeOf(path, type)
  if (kind === 'PEM') access.ca ??= path
  else access.caProblem = truststoreAdvice(path, kind === 'PKCS12')
}

/** Adds the level of the selected codec, and ignores the levels of the others. */
const takeLevels = ({ options }: PropertySettings): void => {
  const type = options.compression
  const level = options[`${levelOption}.${String(type)}`] ?? options[`${levelOption}.any`]
  for (const name of Object.keys(options)) {
    if (name.startsWith(`${levelOption}.`)) delete options[name]
  }
  const hasLevels = type === 'gzip' || type === 'zstd'
  // -1 of librdkafka means the codec's default.
  if (hasLevels && level !== undefined && level !== -1) options.compression = { type, level }
}

/**
 * `client.rack` is also used by consumers; for partitions a separate property enables it, off by
 * default.
 */
const takeRack = ({ options }: PropertySettings): void => {
  const isRackAware = take(options, rackAwareOption) === 'true'
  if (!isRackAware || options.rack === '') delete options.rack
}

/** Java reads it if the default partitioner is used, which here is `java`. */
const takeIgnoreKeys = ({ options }: PropertySettings): void => {
  const ignoresKeys = take(options, ignoreKeysOption) === 'true'
  if (ignoresKeys && (options.partitioner ?? 'java') === 'java') options.partitioner = 'sticky'
}

/** Called after all properties were read. */
export const joinProperties = (settings: PropertySettings): void => {
  takeKeystore(settings)
  takeTruststore(settings)
  takeLevels(settings)
  takeRack(settings)
  takeIgnoreKeys(settings)
}
