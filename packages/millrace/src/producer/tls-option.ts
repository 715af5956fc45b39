// Owns the check of the option `tls`: the types of its fields. The files are read later
// (runtime/tls-source.ts). Callers: option-table.ts, security.ts. Invariant: messages contain
// fields, never values, because any value may be a misplaced key.

import { nearestName } from '../runtime/nearest-name.ts'
import { reservedConnectionOptions } from '../runtime/tls-settings.ts'

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string' && value.length > 0
const isMaterial: Check = (value) =>
  isText(value) || (value instanceof Uint8Array && value.length > 0)
const isBoolean: Check = (value) => typeof value === 'boolean'
const isReserved = (name: string): boolean =>
  (reservedConnectionOptions as readonly string[]).includes(name)
const isPlainObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isVersion: Check = (value) => value === 'TLSv1.2' || value === 'TLSv1.3'

const material = 'PEM text, the path of a file, or bytes'
const versions = "'TLSv1.2' or 'TLSv1.3'"

const fields: Readonly<Record<string, readonly [bounds: string, check: Check]>> = {
  ca: [
    `${material}, or an array of these`,
    (value) =>
      Array.isArray(value) ? value.length > 0 && value.every(isMaterial) : isMaterial(value),
  ],
  cert: [material, isMaterial],
  key: [material, isMaterial],
  passphrase: ['a string', isText],
  pfx: ['the path of a PKCS#12 store, or its bytes', isMaterial],
  serverName: ['a host name', (value) => isText(value) && /^[^\s/]{1,253}$/.test(String(value))],
  minVersion: [versions, isVersion],
  maxVersion: [versions, isVersion],
  dangerouslySkipHostnameCheck: ['true or false', isBoolean],
  checkServerIdentity: ['a function', (value) => typeof value === 'function'],
  dangerouslyTrustAnyCertificate: ['true or false', isBoolean],
  connectionOptions: ["an object of options for Node's tls.connect", isPlainObject],
}

/** Field names of Node, kafkajs and Java. */
const foreignFields: Readonly<Record<string, string>> = {
  servername: 'serverName',
  rejectUnauthorized:
    'ca, to trust an authority of your own, or dangerouslyTrustAnyCertificate, for development',
  ciphers: 'connectionOptions: { ciphers }',
  keystore: 'pfx',
  truststore: 'ca',
}

/** The problem with the option, as the end of a sentence; null = none. */
export const tlsProblem = (value: unknown): string | null => {
  if (typeof value === 'boolean' || typeof value === 'function') return null
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `must be true or { ca, cert, key, … }, got ${typeof value}`
  }
  const problems: string[] = []
  for (const [name, given] of Object.entries(value)) {
    if (given === undefined) continue
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (field === undefined) {
      const foreign = Object.hasOwn(foreignFields, name) ? foreignFields[name] : undefined
      const nearest = foreign ?? nearestName(name, Object.keys(fields))
      const advice = nearest === undefined ? '' : `: did you mean ${nearest}?`
      problems.push(`unknown field ${name}${advice}`)
    } else if (!field[1](given)) problems.push(`${name} is not ${field[0]}`)
    else if (name === 'connectionOptions') {
      const reserved = Object.keys(given as object).filter(isReserved)
      if (reserved.length > 0) problems.push(`${name} may not hold ${reserved.join(', ')}`)
    }
  }
  return problems.length === 0 ? null : `is invalid: ${problems.join(', ')}`
}
