// Owns how broker addresses are parsed and shown as text. Callers: the option `brokers` of the
// producer, and every message that contains an address. Invariant: nothing here resolves a name or
// opens a connection.

import { KafkaError } from '../protocol/kafka-error.ts'
import { hasUnprintable, printableText } from '../runtime/printable-text.ts'
import { withoutCredentials } from '../runtime/redact-secrets.ts'
import type { Address } from '../runtime/transport.ts'
import { describeValue } from '../runtime/value-kinds.ts'

const portDefault = 9092
const portMax = 65_535
/** The limit of DNS. */
const hostLengthMax = 255

/** `host:port`, with brackets around an IPv6 address. */
export const formatAddress = ({ host, port }: Address): string => {
  // Host names also come from brokers, so they are escaped.
  const name = printableText(host, hostLengthMax)
  return name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`
}

/** Host names are compared without case, as in DNS. */
export const sameAddress = (left: Address, right: Address): boolean =>
  left.port === right.port && left.host.toLowerCase() === right.host.toLowerCase()

const parsePort = (text: string): number | string => {
  if (!/^\d+$/.test(text)) return `the port '${withoutCredentials(text)}' is not a number`
  const port = Number(text)
  return port >= 1 && port <= portMax ? port : `the port must be 1 to ${portMax}, got ${port}`
}

const bracketed = /^\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\](?::(.*))?$/

/** The address, or the problem with the entry. */
const parseEntry = (entry: string): Address | string => {
  const scheme = /^\w+:\/\//.exec(entry)?.[0]
  if (scheme !== undefined) return `remove '${scheme}': the form is host:port`
  const isBracketed = entry.startsWith('[')
  if (!isBracketed && entry.indexOf(':') !== entry.lastIndexOf(':')) {
    return 'an IPv6 address goes into brackets, as in [::1]:9092'
  }
  const match = isBracketed ? bracketed.exec(entry) : /^([^:]*)(?::(.*))?$/.exec(entry)
  if (match === null) return 'an IPv6 address is written [address]:port'
  const host = match[1] ?? ''
  if (isBracketed && !host.includes(':')) return 'only an IPv6 address goes into brackets'
  if (host === '') return 'the host is missing'
  if (host.length > hostLengthMax || !/^[^\s/@\\,;?#'"]+$/.test(host) || hasUnprintable(host)) {
    return `'${withoutCredentials(host)}' is not a host name`
  }
  const port = match[2] === undefined ? portDefault : parsePort(match[2])
  return typeof port === 'number' ? { host, port } : port
}

const hasCredentials = (text: unknown): boolean => typeof text === 'string' && /@|%40/.test(text)

/**
 * Parses bootstrap addresses: `'a:9092,[::1]:9092'`, or an array of such strings. The default port
 * is 9092. An address that is listed twice counts once. One usage error names all invalid entries.
 */
export const parseBrokers = (brokers: string | readonly string[]): readonly Address[] => {
  if (typeof brokers !== 'string' && !Array.isArray(brokers)) {
    const got = describeValue(brokers)
    throw new KafkaError('INVALID_OPTION', `brokers must be a string or an array, got ${got}`)
  }
  const addresses = new Map<string, Address>()
  const problems: string[] = []
  const mayBeSecret = [brokers].flat().some(hasCredentials)
  const entries = [brokers].flat().flatMap((text, index) => {
    if (typeof text !== 'string') {
      const got = describeValue(text)
      const message = `brokers[${index}] must be a string 'host:port', got ${got}`
      throw new KafkaError('INVALID_OPTION', message)
    }
    if (hasCredentials(text)) {
      const shown = withoutCredentials(text)
      problems.push(`'${shown}': pass credentials as the option sasl; the form is host:port`)
      return []
    }
    return text.split(',').map((entry) => entry.trim())
  })
  for (const entry of entries) {
    if (entry === '') continue
    const result = parseEntry(entry)
    if (typeof result === 'string') {
      // A password with a comma may be in several entries.
      if (!mayBeSecret) problems.push(`'${withoutCredentials(entry)}': ${result}`)
    } else {
      const key = formatAddress(result).toLowerCase()
      if (!addresses.has(key)) addresses.set(key, result)
    }
  }
  if (problems.length > 0) {
    throw new KafkaError('INVALID_OPTION', `brokers: ${problems.join('; ')}`)
  }
  if (addresses.size === 0) {
    throw new KafkaError('INVALID_OPTION', "brokers must have at least one 'host:port', got none")
  }
  return [...addresses.values()]
}
