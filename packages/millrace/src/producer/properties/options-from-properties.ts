// Owns `optionsFromProperties`: the options of a producer from a properties file of Java's clients
// or librdkafka. It is public API. Invariant: one error lists all invalid properties, without a
// secret.

import { KafkaError } from '../../protocol/kafka-error.ts'
import { messageOf } from '../../runtime/value-kinds.ts'
import { readArgument } from '../field-check.ts'
import { resolveOptions } from '../options.ts'
import type { ProducerOptions } from '../producer-options.ts'
import { accessOptions } from './access-options.ts'
import { clientSettings, type Properties, readPropertiesFile } from './read-properties.ts'

/** Options of `optionsFromProperties`. */
export interface PropertiesOptions {
  /**
   * Called with a sentence for each property that is unknown or has no effect here. Without this
   * function such a property is an error.
   */
  readonly onUnsupported?: ((text: string) => void) | undefined
}

const fail = (problems: readonly string[]): never => {
  throw new KafkaError('INVALID_OPTION', `Invalid properties: ${problems.join('; ')}`)
}

const checkArguments = (source: unknown, options: unknown): void =>
  readArgument('properties', () => checkRead(source, options), 'INVALID_OPTION')

const checkRead = (source: unknown, options: unknown): void => {
  const isText = typeof source === 'string'
  const isRecord = typeof source === 'object' && source !== null && !Array.isArray(source)
  if (!isText && !isRecord) {
    fail([
      `expected the path of a file or an object, got ${source === null ? null : typeof source}`,
    ])
  }
  const notText = isRecord && Object.entries(source).find(([, value]) => typeof value !== 'string')
  if (notText) fail([`${notText[0]} must be a string, got ${typeof notText[1]}`])
  const { onUnsupported } = (options ?? {}) as PropertiesOptions
  if (onUnsupported !== undefined && typeof onUnsupported !== 'function') {
    fail([`onUnsupported must be a function, got ${typeof onUnsupported}`])
  }
}

/**
 * Creates the options of a producer from properties with Kafka's names (Java's and librdkafka's):
 * the path of a properties file, or an object. Rejects with one INVALID_OPTION that lists each
 * invalid or unsupported property; it contains no secret.
 *
 * @example
 * const options = await optionsFromProperties({ 'bootstrap.servers': 'localhost:9092', acks: '1' })
 * await using producer = new Producer(options)
 */
export const optionsFromProperties = async (
  source: string | Properties,
  options: PropertiesOptions = {},
): Promise<ProducerOptions> => {
  checkArguments(source, options)
  const settings =
    typeof source === 'string'
      ? await readPropertiesFile(source)
      : clientSettings(source, 'properties')
  const problems = [...settings.problems]
  for (const text of settings.warnings) {
    if (options.onUnsupported === undefined) problems.push(text.replace(/\.$/, ''))
    else options.onUnsupported(text)
  }
  const { brokers } = settings.access
  if (brokers === undefined) problems.push('bootstrap.servers is missing')
  const found = { ...settings.options, brokers, ...accessOptions(settings.access, problems) }
  if (problems.length > 0) fail(problems)
  const made = found as unknown as ProducerOptions
  try {
    resolveOptions(made)
  } catch (error) {
    fail([messageOf(error)])
  }
  return made
}
