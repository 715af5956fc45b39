// Writes golden.json: what Apicurio's Java serializers make of ../confluent/cases.json in the wire
// format of Confluent, whose own are in ../confluent-java. The jars go into a folder:
// mvn -f packages/schema-registry/test/golden/apicurio/pom.xml dependency:copy-dependencies
// -DoutputDirectory=FOLDER   Then:
// node packages/schema-registry/test/golden/apicurio/regenerate.mjs FOLDER

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))
const [folder] = process.argv.slice(2)
const read = (name) => JSON.parse(readFileSync(join(here, '../confluent', name), 'utf8'))
const ids = new Map(read('golden.json').map(({ name, id }) => [name, id]))

/** The tags of values as Protobuf's JSON has them. */
const protoJson = (value) => {
  if (Array.isArray(value)) return value.map(protoJson)
  if (typeof value !== 'object' || value === null) return value
  if ('$bytes' in value) return Buffer.from(value.$bytes, 'hex').toString('base64')
  if ('$long' in value || '$timestamp' in value) return value.$long ?? value.$timestamp
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, protoJson(one)]))
}

const textOf = (schema) => (typeof schema === 'string' ? schema : JSON.stringify(schema))

const task = read('cases.json').map(
  ({ name, schemaType, messageType, schema, references = [], value }) => ({
    ...{ name, schemaType, messageType, id: ids.get(name), text: textOf(schema) },
    references: references.map((one) => ({ name: one.name, text: textOf(one.schema) })),
    value: schemaType === 'PROTOBUF' ? protoJson(value) : value,
  }),
)

const { stdout, status } = spawnSync(
  'java',
  ['-cp', join(folder, '*'), join(here, 'ApicurioBytes.java')],
  { input: JSON.stringify(task), encoding: 'utf8', stdio: ['pipe', 'pipe', 'inherit'] },
)
if (status !== 0) throw new Error(`ApicurioBytes.java ended with ${status}`)
writeFileSync(join(here, 'golden.json'), `${JSON.stringify(JSON.parse(stdout), null, 2)}\n`)
