// Our schemas say what Kafka's own say: field by field, against the JSON in the kafka-clients jar.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { apis } from '../../src/protocol/api/catalogue.ts'
import type { FieldSchema, MessageSchema } from '../../src/protocol/schema/message.ts'
import type { KafkaField, KafkaMessage } from './kafka-message-json.ts'
import { kafkaClientsJar, kafkaMessages, kafkaVersion } from './kafka-message-json.ts'

/** A field as both sides are compared: defaults as text, references to common structs resolved. */
interface Plain {
  readonly name: string
  readonly type: string
  readonly versions: string
  readonly nullableVersions: string
  readonly taggedVersions: string
  readonly tag: number
  readonly default: string
  readonly ignorable: boolean
  readonly isProducerId: boolean
  readonly fields: readonly Plain[]
}

const plain = (field: FieldSchema | KafkaField, text: string, fields: readonly Plain[]): Plain => ({
  name: field.name,
  type: field.type,
  versions: field.versions,
  nullableVersions: field.nullableVersions ?? 'none',
  taggedVersions: field.taggedVersions ?? 'none',
  tag: field.tag ?? -1,
  default: text,
  ignorable: field.ignorable ?? false,
  isProducerId: field.entityType === 'producerId',
  fields,
})

/** Numbers as numbers, so that 0x7fffffff is 2147483647; an implied default as if it were said. */
const defaultText = (type: string, value: unknown): string => {
  if (/^(u?int\d+|float64)$/.test(type)) return String(Number(value ?? 0))
  if (type === 'bool') return String(value ?? false)
  return value === undefined ? '' : String(value)
}

const ours = (field: FieldSchema): Plain =>
  plain(field, defaultText(field.type, field.default), (field.fields ?? []).map(ours))

const theirs = (field: KafkaField, message: KafkaMessage): Plain => {
  const structName = field.type.replace('[]', '')
  const fields =
    field.fields ?? message.commonStructs?.find(({ name }) => name === structName)?.fields ?? []
  return plain(
    field,
    defaultText(field.type, field.default),
    fields.map((inner) => theirs(inner, message)),
  )
}

const compare = (schema: MessageSchema, message: KafkaMessage | undefined): void => {
  assert.ok(message !== undefined, `Kafka has no ${schema.name}`)
  assert.equal(schema.validVersions, message.validVersions, schema.name)
  assert.equal(schema.flexibleVersions, message.flexibleVersions, schema.name)
  assert.deepEqual(
    schema.fields.map(ours),
    message.fields.map((field) => theirs(field, message)),
  )
}

describe(`schemas are those of Kafka ${kafkaVersion}`, () => {
  const jar = kafkaClientsJar()
  if ('missing' in jar) {
    it('compares with the kafka-clients jar', (context) => {
      assert.ok(process.env.CI === undefined, jar.missing)
      console.error(`NOT RUN: the comparison with Kafka's own schemas. ${jar.missing}`)
      context.skip(jar.missing)
    })
    return
  }
  const messages = kafkaMessages(jar.path)
  for (const api of apis) {
    it(api.name, () => {
      const request = messages.get(`${api.name}Request`)
      assert.equal(api.key, request?.apiKey)
      compare(api.requestSchema, request)
      compare(api.responseSchema, messages.get(`${api.name}Response`))
    })
  }
})
