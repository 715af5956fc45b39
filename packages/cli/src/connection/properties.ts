// Reads a client.properties file, as Kafka's Java clients or librdkafka take it. Names that nobody
// knows are warned of, wrong values are problems; no message shows a secret.

import { readFile } from 'node:fs/promises'
import { getProperties } from 'properties-file'
import { Failure } from '../describe-failure.ts'
import { didYouMean } from '../nearest-name.ts'
import { oauthFields } from './oauth.ts'
import { isSecretName, notObeyed, passedOver, propertyTable } from './property-table.ts'
import { type Access, emptySettings, type Settings } from './settings.ts'
import { joinProperties } from './stores.ts'

const names = [...Object.keys(propertyTable), ...Object.keys(notObeyed)]

/** Whether --set means Kafka's name: none of ours has a dot, and those without mean the same. */
export const isPropertyName = (name: string): boolean => name.includes('.')

/** Takes one property; `source` is for people: where it stands. */
export const takeProperty = (
  name: string,
  value: string,
  source: string,
  settings: Settings,
): void => {
  const take = Object.hasOwn(propertyTable, name) ? propertyTable[name] : undefined
  if (take !== undefined) {
    const problem = take(value, settings)
    if (problem === undefined) return
    const shown = isSecretName(name) ? problem.replaceAll(`'${value}'`, 'not shown') : problem
    settings.problems.push(`${source}: ${name} ${shown}`)
    return
  }
  const reason = Object.hasOwn(notObeyed, name) ? notObeyed[name] : undefined
  if (reason !== undefined) {
    settings.warnings.push(`${source}: ${name} is not obeyed: ${reason}.`)
  } else if (!passedOver.some((pattern) => pattern.test(name))) {
    const nearest = didYouMean(name, names) || '.'
    settings.warnings.push(`${source}: ${name} is not known, and not obeyed${nearest}`)
  }
}

const saslFields = ['username', 'password', 'saslMechanism', ...oauthFields] as const
const tlsFields = ['ca', 'caProblem', 'cert', 'key', 'passphrase', 'pfx'] as const

/** Whether there was something to forget. */
const forget = (access: Access, fields: readonly (keyof Access)[]): boolean => {
  const found = fields.filter((field) => access[field] !== undefined)
  for (const field of found) delete access[field]
  return found.length > 0
}

/** Kafka's clients use neither TLS nor a password unless security.protocol says so. */
const obeyProtocol = (settings: Settings, source: string): void => {
  const { access, warnings } = settings
  const isMissing = access.tls === undefined
  const unused: string[] = []
  if (access.sasl !== true && forget(access, saslFields)) unused.push('sasl.*')
  if (access.tls !== true && forget(access, tlsFields)) unused.push('ssl.*')
  if (unused.length === 0) return
  const state = isMissing ? 'is missing, which means PLAINTEXT' : 'says so'
  warnings.push(`${source}: ${unused.join(' and ')} is not used: security.protocol ${state}.`)
}

export const settingsOfText = (content: string, source: string): Settings => {
  const settings = emptySettings()
  for (const [name, value] of Object.entries(getProperties(content))) {
    takeProperty(name, value, source, settings)
  }
  joinProperties(settings)
  obeyProtocol(settings, source)
  return settings
}

export const settingsOfFile = async (path: string): Promise<Settings> => {
  let content: string
  try {
    content = await readFile(path, 'utf8')
  } catch (error) {
    throw new Failure(`The settings can't be read: ${(error as Error).message}.`)
  }
  return settingsOfText(content, path)
}
