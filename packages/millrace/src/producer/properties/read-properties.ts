// Owns the reading of settings with Kafka's names from a properties file of Java's clients or
// librdkafka. Unknown properties and those without an effect are warnings, invalid values are
// problems. Callers: optionsFromProperties, and the command line. Invariant: no message contains a
// secret.

import { readFile } from 'node:fs/promises'
import { importLibrary } from '../../protocol/compression/library.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import { nearestName } from '../../runtime/nearest-name.ts'
import { joinProperties } from './joined-properties.ts'
import { oauthFields } from './oauth-properties.ts'
import { type ConnectionAccess, emptySettings, type PropertySettings } from './property-settings.ts'
import {
  irrelevantProperties,
  isSecretProperty,
  propertyTable,
  unsupportedProperties,
} from './property-table.ts'

/** Properties by name. */
export type Properties = Readonly<Record<string, string>>

const names = [...Object.keys(propertyTable), ...Object.keys(unsupportedProperties)]

/**
 * A line that is not a property may be a part of a key or a password whose lines are not continued
 * with a backslash. So a name that is not known is shown only if it looks like one.
 */
const shownName = (name: string, nearest: string | undefined): string => {
  const isName = /^[a-z][a-z\d_-]*(?:\.[a-z\d_-]+)+$/.test(name) && name.length <= 100
  return nearest !== undefined || isName ? name : `a name of ${name.length} characters`
}

/** A password may be the value of the wrong security property: names of mechanisms are shown. */
const isShown = (name: string, value: string): boolean =>
  !isSecretProperty(name) &&
  (!/^(?:sasl|security|ssl)\./.test(name) ||
    /^(?:[A-Z][A-Z\d_-]{0,30}|[a-z]+(?:[_-][a-z]+){0,3})$/.test(value))

const takeProperty = (
  name: string,
  value: string,
  source: string,
  settings: PropertySettings,
): void => {
  const take = Object.hasOwn(propertyTable, name) ? propertyTable[name] : undefined
  if (take !== undefined) {
    const problem = take(value, settings)
    if (problem === undefined) return
    const shown = isShown(name, value) ? problem : problem.replaceAll(`'${value}'`, 'not shown')
    settings.problems.push(`${source}: ${name} ${shown}`)
    return
  }
  const reason = Object.hasOwn(unsupportedProperties, name)
    ? unsupportedProperties[name]
    : undefined
  if (reason !== undefined) {
    settings.warnings.push(`${source}: ${name} is ignored: ${reason}.`)
  } else if (!irrelevantProperties.some((pattern) => pattern.test(name))) {
    const nearest = nearestName(name, names)
    const advice = nearest === undefined ? '.' : `: did you mean ${nearest}?`
    const shown = shownName(name, nearest)
    settings.warnings.push(`${source}: ${shown} is not known and is ignored${advice}`)
  }
}

const saslFields = ['username', 'password', 'saslMechanism', ...oauthFields] as const
const tlsFields = ['ca', 'caProblem', 'cert', 'key', 'passphrase', 'pfx'] as const

/** Deletes the fields; returns whether one of them had a value. */
const forget = (access: ConnectionAccess, fields: readonly (keyof ConnectionAccess)[]): boolean => {
  const found = fields.filter((field) => access[field] !== undefined)
  for (const field of found) delete access[field]
  return found.length > 0
}

/** Kafka's clients use TLS or a password only if security.protocol requires it. */
const applySecurityProtocol = (settings: PropertySettings, source: string): void => {
  const { access, warnings } = settings
  const isMissing = access.tls === undefined
  const unused: string[] = []
  if (access.sasl !== true && forget(access, saslFields)) unused.push('sasl.*')
  if (access.tls !== true && forget(access, tlsFields)) unused.push('ssl.*')
  if (unused.length === 0) return
  const state = isMissing ? 'is missing, which means PLAINTEXT' : 'says so'
  warnings.push(`${source}: ${unused.join(' and ')} is not used: security.protocol ${state}.`)
}

/**
 * The meaning of some properties; `source` names their origin in messages. For tools that combine
 * several sources; a program uses `optionsFromProperties`.
 *
 * @example
 * const { options, problems } = propertySettings({ 'linger.ms': '5' }, 'the environment')
 */
export const propertySettings = (properties: Properties, source: string): PropertySettings => {
  const settings = emptySettings()
  for (const [name, value] of Object.entries(properties)) {
    takeProperty(name, value, source, settings)
  }
  joinProperties(settings)
  return settings
}

/** Like `propertySettings`, for all properties of a client, with `security.protocol`. */
export const clientSettings = (properties: Properties, source: string): PropertySettings => {
  const settings = propertySettings(properties, source)
  applySecurityProtocol(settings, source)
  return settings
}

/**
 * The meaning of a properties file, for tools, like `propertySettings`. Rejects with INVALID_OPTION
 * if it cannot be read.
 *
 * @example
 * const { access, options, warnings } = await readPropertiesFile('client.properties')
 */
export const readPropertiesFile = async (path: string): Promise<PropertySettings> => {
  const { getProperties } = await importLibrary('properties-file', () => import('properties-file'))
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (cause) {
    const { message } = cause as Error
    throw new KafkaError('INVALID_OPTION', `The properties can't be read: ${message}`, { cause })
  }
  return clientSettings(getProperties(content), path)
}
