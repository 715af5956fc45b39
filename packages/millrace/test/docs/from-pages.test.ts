// The pages for people who come from other clients name every setting that those have, and only
// options that there are here. (from-sarama.test.ts does the same for sarama.)

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { optionTable } from '../../src/producer/option-table.ts'
import { docsPath } from './doc-programs.ts'
import { javaSettings, librdkafkaSettings } from './settings-elsewhere.ts'

const pageOf = (name: string): string => readFileSync(join(docsPath, name), 'utf8')

const rowsOf = (page: string): string[][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.slice(2, -2).split(' | '))

const namesIn = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)

/** The settings in the first column, each once. */
const settingsOf = (page: string): Set<string> => {
  const names = rowsOf(page).flatMap(([theirs = '']) => namesIn(theirs))
  return new Set(names)
}

for (const [name, settings] of [
  ['from-java.md', javaSettings],
  ['from-node-rdkafka.md', librdkafkaSettings],
] as const) {
  test(`${name}: every setting has its row`, () => {
    const named = settingsOf(pageOf(name))
    assert.deepEqual(
      settings.filter((one) => !named.has(one)),
      [],
    )
  })
}

/** Members of an interface in kafkajs's own declarations. */
const kafkajsFields = (name: string): string[] => {
  const manifest = createRequire(import.meta.url).resolve('kafkajs/package.json')
  const types = readFileSync(join(dirname(manifest), 'types/index.d.ts'), 'utf8')
  const [, body] = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(types)!
  return [...body!.matchAll(/^ {2}(\w+)\??:/gm)].map(([, field]) => field!)
}

test('from-kafkajs.md: every setting of the client, the producer and a send has its row', () => {
  const named = settingsOf(pageOf('from-kafkajs.md'))
  for (const name of ['KafkaConfig', 'ProducerConfig', 'RetryOptions', 'ProducerRecord']) {
    const fields = kafkajsFields(name)
    assert.ok(fields.length > 3, name)
    assert.deepEqual(
      fields.filter((field) => !named.has(field)),
      [],
      name,
    )
  }
})

test('what the tables of settings name as options are options', () => {
  let checked = 0
  for (const name of ['from-java.md', 'from-node-rdkafka.md', 'from-kafkajs.md']) {
    const [, settings = ''] = pageOf(name).split(/^## Settings$/m)
    for (const [theirs, ours = ''] of rowsOf(settings)) {
      for (const option of namesIn(ours).filter((one) => /^[a-z]\w+$/.test(one))) {
        assert.ok(option in optionTable, `${name}: ${option} is not an option: ${theirs}`)
        checked += 1
      }
    }
  }
  assert.ok(checked > 100, `${checked} options`)
})
