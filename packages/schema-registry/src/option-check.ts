// Checks the options of serializers and deserializers once, when they are created: known names, a
// usable registry, and values within bounds. It throws INVALID_OPTION. Callers:
// schema-serializer.ts and schema-deserializer.ts.

import { KafkaError } from 'millrace'
import { readOptions } from './client/registry-text.ts'
import { shown } from './values/field-path.ts'

const serializerOptions = [
  'registry',
  'schema',
  'references',
  'autoRegister',
  'useLatest',
  'normalize',
  'subject',
  'schemaIdIn',
  'ignoreRules',
  'latestMaxAgeMs',
  'logicalTypes',
  'messageType',
  'messages',
]

const deserializerOptions = ['registry', 'output', 'logicalTypes']

type Is = (value: unknown) => boolean

const oneOf =
  (...values: unknown[]): Is =>
  (value) =>
    values.includes(value)

const isFlag = oneOf(true, false)

const isText: Is = (value) => typeof value === 'string'

/** The expected value of each option, for callers without TypeScript. */
const expectations: Readonly<Record<string, readonly [expectation: string, is: Is]>> = {
  schema: [
    'text or an object',
    (value) => (isText(value) && value !== '') || (typeof value === 'object' && value !== null),
  ],
  references: ['an array', Array.isArray],
  autoRegister: ['true or false', isFlag],
  useLatest: ['true or false', isFlag],
  normalize: ['true or false', isFlag],
  ignoreRules: ['true or false', isFlag],
  subject: ['a name or a function', (value) => typeof value === 'function' || isText(value)],
  schemaIdIn: ["'prefix' or 'header'", oneOf('prefix', 'header')],
  output: ["'values' or 'json'", oneOf('values', 'json')],
  latestMaxAgeMs: ['milliseconds from 0', (value) => typeof value === 'number' && value >= 0],
  messageType: ['text', isText],
  messages: ['an array of message descriptors', Array.isArray],
}

const invalid = (maker: string, message: string): KafkaError =>
  new KafkaError('INVALID_OPTION', `${maker}: ${message}`)

const check = (maker: string, options: unknown, names: readonly string[]): void =>
  readOptions(maker, () => checkRead(maker, options, names))

const checkRead = (maker: string, options: unknown, names: readonly string[]): void => {
  if (typeof options !== 'object' || options === null) {
    throw invalid(maker, `options must be an object, got ${shown(options)}`)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) {
      const known = names.join(', ')
      throw invalid(maker, `unknown option ${shown(name)}. The options are: ${known}`)
    }
    const [expectation, is] = expectations[name] ?? []
    if (value === undefined || is === undefined || is(value)) continue
    throw invalid(maker, `${name} must be ${expectation}, got ${shown(value)}`)
  }
  const { registry } = options as { registry?: { resolve?: unknown } | null }
  if (typeof registry?.resolve === 'function') return
  throw invalid(maker, `registry must be a SchemaRegistry, got ${shown(registry)}`)
}

/** Checks the options of `avroSerializer` and the other serializers. */
export const checkSerializerOptions = (schemaType: string, options: unknown): void =>
  check(`serializer of ${schemaType}`, options, serializerOptions)

/** Checks the options of `schemaDeserializer`. */
export const checkDeserializerOptions = (options: unknown): void =>
  check('schemaDeserializer', options, deserializerOptions)
