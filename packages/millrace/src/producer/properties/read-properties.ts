// Reads settings by Kafka's own names, as Java's clients or librdkafka take them from a
// client.properties file. What is unknown or has no effect is a warning, wrong values are problems;
// no message shows a secret. Callers: optionsFromProperties, and the command line.

import { readFile } from 'node:fs/promises'
import { importLibrary } from '../../protocol/compression/library.ts'
import { KafkaError } from '../../protocol/kafka-error.ts'
import { nearestName } from '../../runtime/nearest-name.ts'
import { joinProperties } from './joined-properties.ts'
import { oauthFields } from './oauth-properties.ts'
import { type ConnectionAccess, emptySettings, type PropertySettings } from './property-settings.ts'
import { isSecretProperty, notObeyed, passedOver, propertyTable } from './property-table.ts'

/** Properties by their names. */
export type Properties = Readonly<Record<string, string>>

const names = [...Object.keys(propertyTable), ...Object.keys(notObeyed)]

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
    const shown = isSecretProperty(name) ? problem.replaceAll(`'${value}'`, 'not shown') : problem
    settings.problems.push(`${source}: ${name} ${shown}`)
    return
  }
  const reason = Object.hasOwn(notObeyed, name) ? notObeyed[name] : undefined
  if (reason !== undefined) {
    settings.warnings.push(`${source}: ${name} is not obeyed: ${reason}.`)
  } else if (!passedOver.some((pattern) => pattern.test(name))) {
    const nearest = nearestName(name, names)
    const advice = nearest === undefined ? '.' : `: did you mean ${nearest}?`
    settings.warnings.push(`${source}: ${name} is not known, and not obeyed${advice}`)
  }
}

const saslFields = ['username', 'password', 'saslMechanism', ...oauthFields] as const
const tlsFields = ['ca', 'caProblem', 'cert', 'key', 'passphrase', 'pfx'] as const

/** Whether there was something to forget. */
const forget = (access: ConnectionAccess, fields: readonly (keyof ConnectionAccess)[]): boolean => {
  const found = fields.filter((field) => access[field] !== undefined)
  for (const field of found) delete access[field]
  return found.length > 0
}

/** Kafka's clients use neither TLS nor a password unless security.protocol says so. */
const obeyProtocol = (settings: PropertySettings, source: string): void => {
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
 * What some properties mean; `source` is for messages: where they stand. For tools that lay several
 * sources over each other: a program uses `optionsFromProperties`.
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

/** As `propertySettings`, for all properties of a client: `security.protocol` is among them. */
export const clientSettings = (properties: Properties, source: string): PropertySettings => {
  const settings = propertySettings(properties, source)
  obeyProtocol(settings, source)
  return settings
}

/**
 * What a properties file means, for tools as `propertySettings` is. Rejects with INVALID_OPTION
 * where it can't be read.
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
