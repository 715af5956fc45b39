// Every adapter in one test of Jest, as a service that has all of them would use them; and two
// versions of the library in one process.

import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Project } from './project.ts'

const test = `
const { KafkaJSError, Kafka } = require('@millrace/kafkajs')
const { serveConsole } = require('@millrace/console')
const { MillraceClient } = require('@millrace/nestjs')
const { openTelemetry } = require('@millrace/opentelemetry')
const { collectMetrics } = require('@millrace/prometheus')
const { jsonSchemaSerializer, SchemaRegistry } = require('@millrace/schema-registry')
const { SchemaRegistryServer } = require('@millrace/schema-registry/testing')
const { Producer, typedTopics } = require('millrace')
const { register } = require('prom-client')
const { firstValueFrom } = require('rxjs')

const brokers = process.env.MILLRACE_BROKERS
const withProducer = async (options, use) => {
  const producer = new Producer({ brokers, ...options })
  try {
    return await use(producer)
  } finally {
    await producer.close()
  }
}

afterEach(() => {
  jest.useRealTimers()
})

for (const timers of ['real', 'fake']) {
  test('kafkajs, timers are ' + timers, async () => {
    if (timers === 'fake') jest.useFakeTimers()
    const kafka = new Kafka({ brokers: brokers.split(',') })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({ topic: 'orders', messages: [{ value: 'x' }] })
    await producer.disconnect()
    expect(typeof kafka.consumer({ groupId: 'billing' }).run).toBe('function')
  })
}

test('kafkajs, the cause of a failure', async () => {
  const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: 0, retry: { retries: 0 } })
  const error = await kafka.producer().connect().catch((thrown) => thrown)
  expect(error).toBeInstanceOf(KafkaJSError)
  expect(JSON.stringify([error.code, error.cause?.code])).toMatch('ECONNREFUSED')
})

test('Nest', async () => {
  const client = new MillraceClient({ producer: { brokers } })
  const { partition } = await firstValueFrom(client.emit('orders', { value: { total: 12 } }))
  expect(partition).toBe(0)
  await client.close()
})

test('OpenTelemetry and Prometheus', () =>
  withProducer({ interceptors: [openTelemetry()] }, async (producer) => {
    const collection = collectMetrics(producer)
    await producer.send({ topic: 'orders', value: 'x' })
    expect(await register.metrics()).toMatch('millrace')
    collection.stop()
  }))

test('schema registry', async () => {
  const server = await SchemaRegistryServer.start()
  const registry = new SchemaRegistry({ url: server.url })
  const schema = { type: 'object', properties: { total: { type: 'number' } } }
  const value = jsonSchemaSerializer({ registry, schema, autoRegister: true })
  await withProducer({}, async (producer) => {
    const topics = typedTopics(producer, { orders: { value } })
    await topics.send({ topic: 'orders', value: { total: 12 } })
    await expect(topics.send({ topic: 'orders', value: { total: 'x' } })).rejects.toThrow()
  })
  await server.close()
})

test('console', () =>
  withProducer({}, async (producer) => {
    const page = await serveConsole(producer, { port: 0 })
    for (const path of ['', 'page.css', 'main.js', 'uplot.js']) {
      expect((await fetch(new URL(path, page.url))).status).toBe(200)
    }
    await page.close()
  }))
`

const adapters: Project = {
  name: 'Jest 30, every adapter by require',
  tested: 'Jest 30.5.2 and the newest peers',
  quick: false,
  install: [
    'jest@30.5.2',
    'kafkajs@2',
    'prom-client@15',
    '@opentelemetry/api@1',
    '@nestjs/common@11',
    '@nestjs/core@11',
    '@nestjs/microservices@11',
    'reflect-metadata@0.2',
    'rxjs@7',
  ],
  packages: ['console', 'kafkajs', 'nestjs', 'opentelemetry', 'prometheus', 'schema-registry'].map(
    (name) => `@millrace/${name}`,
  ),
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'adapters.test.js': test,
  },
  commands: [['jest', '--ci', '--no-cache']],
  records: 5,
}

const twoVersions: Project = {
  name: 'Two versions in one process, each by import and by require',
  tested: 'Node 20',
  quick: true,
  install: 'shared',
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'main.mjs': `
import { subscribe } from 'node:diagnostics_channel'
import { createRequire } from 'node:module'
import * as imported from 'millrace'
import * as importedOther from 'other'

const require = createRequire(import.meta.url)
const copies = [imported, require('millrace'), importedOther, require('other')]
if (new Set(copies.map(({ Producer }) => Producer)).size !== 4) throw new Error('not four copies')

const errorOf = ({ Producer }) => {
  try {
    new Producer({ brokers: [] })
  } catch (error) {
    return error
  }
}
for (const { KafkaError } of copies) {
  for (const copy of copies) {
    if (!(errorOf(copy) instanceof KafkaError)) throw new Error('an error is of another class')
  }
}
let events = 0
subscribe('millrace:batch.settled', () => events++)
for (const { Producer } of copies) {
  const producer = new Producer({ brokers: process.env.MILLRACE_BROKERS })
  await producer.send({ topic: 'orders', value: 'x' })
  await producer.close()
}
if (events !== 4) throw new Error(events + ' events')
`,
  },
  prepare: async ({ folder, tarballs, run }) => {
    await run(['tar', '-xzf', tarballs.get('millrace')!.path])
    const other = join(folder, 'node_modules/other')
    await cp(join(folder, 'package'), other, { recursive: true })
    const path = join(other, 'package.json')
    const manifest = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify({ ...manifest, name: 'other', version: '0.0.9' }))
  },
  commands: [['node', 'main.mjs']],
  records: 4,
}

const loggers: Project = {
  name: 'pino, winston and bunyan as loggers',
  tested: 'pino 10.4.0, winston 3.19.0, bunyan 2.0.5',
  quick: false,
  install: ['pino@10.4.0', 'winston@3.19.0', 'bunyan@2.0.5'],
  files: {
    'package.json': JSON.stringify({ name: 'shop', private: true }),
    'main.mjs': `
import { Writable } from 'node:stream'
import bunyan from 'bunyan'
import { KafkaError, Producer } from 'millrace'
import pino from 'pino'
import winston from 'winston'

let printed = ''
const stream = new Writable({
  write(bytes, encoding, done) {
    printed += bytes
    done()
  },
})
const transports = [new winston.transports.Stream({ stream })]
const loggers = {
  pino: pino(stream),
  winston: winston.createLogger({ format: winston.format.json(), transports }),
  bunyan: bunyan.createLogger({ name: 'shop', streams: [{ stream }] }),
}
for (const [name, logger] of Object.entries(loggers)) {
  printed = ''
  const producer = new Producer({ brokers: process.env.MILLRACE_BROKERS, logger })
  await producer.send({ topic: 'orders', value: name })
  const value = 'x'.repeat(10_000_000)
  const error = await producer.send({ topic: 'orders', value }).catch((thrown) => thrown)
  if (!(error instanceof KafkaError)) throw new Error(name + ': it was sent')
  await producer.close()
  const lines = printed.trim().split('\\n')
  const { level, msg, message } = JSON.parse(lines[0])
  if (!['error', 50].includes(level)) throw new Error(name + ': level ' + level)
  if (!/RECORD_TOO_LARGE/.test(msg ?? message)) throw new Error(name + ': ' + printed)
  if (lines.length !== 1) throw new Error(name + ' has more lines: ' + printed)
}
`,
  },
  commands: [['node', 'main.mjs']],
  records: 3,
}

export const adapterProjects: readonly Project[] = [twoVersions, adapters, loggers]
