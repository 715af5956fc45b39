// Writes docs/options.md and docs/errors.md from the tables in the code and the docstrings of the
// options: npm run build, then node scripts/docs.mjs. A test fails when a page is out of date.

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { fail, root, ScriptError, say } from './workspace.mjs'

const generated =
  '<!-- Made by scripts/docs.mjs from the tables in the code: change those instead. -->'

/** Text in a cell of a table. */
const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ')

const code = (value) => (value === undefined ? '' : `\`${cell(value)}\``)

const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

const optionsSource = join(root, 'packages/millrace/src/producer/producer-options.ts')

const kib = 1024
const mib = kib * kib

/** A default as people read it: bytes in units, times as they are. */
const defaultOf = (name, { default: value }) => {
  if (value === undefined) return ''
  if (!name.endsWith('Bytes') || typeof value !== 'number') return code(value)
  if (value % mib === 0) return `${code(value)} (${value / mib} MiB)`
  return value % kib === 0 ? `${code(value)} (${value / kib} KiB)` : code(value)
}

/** What other clients call an option, where their name is not ours. */
const namesElsewhere = {
  brokers: ['bootstrap.servers', 'addrs of NewSyncProducer'],
  clientId: ['client.id', 'ClientID'],
  acks: ['acks', 'Producer.RequiredAcks'],
  idempotent: ['enable.idempotence', 'Producer.Idempotent'],
  maxInFlightRequests: ['max.in.flight.requests.per.connection', 'Net.MaxOpenRequests'],
  lingerMs: ['linger.ms', ''],
  batchBytes: ['batch.size', ''],
  maxRequestBytes: ['max.request.size', 'Producer.MaxMessageBytes'],
  bufferMemoryBytes: ['buffer.memory', ''],
  maxBlockMs: ['max.block.ms', ''],
  deliveryTimeoutMs: ['delivery.timeout.ms', ''],
  requestTimeoutMs: ['request.timeout.ms', 'Producer.Timeout, Net.ReadTimeout'],
  retries: ['retries', 'Producer.Retry.Max'],
  retryBackoffMs: ['retry.backoff.ms', 'Producer.Retry.Backoff'],
  retryBackoffMaxMs: ['retry.backoff.max.ms', ''],
  compression: ['compression.type', 'Producer.Compression, Producer.CompressionLevel'],
  partitioner: ['partitioner.class', 'Producer.Partitioner'],
  partitionerAvailabilityTimeoutMs: ['partitioner.availability.timeout.ms', ''],
  rack: ['client.rack, partitioner.rack.aware', ''],
  flush: ['', 'Producer.Flush'],
  allowAutoTopicCreation: ['', 'Metadata.AllowAutoTopicCreation'],
  metadataMaxAgeMs: ['metadata.max.age.ms', 'Metadata.RefreshFrequency'],
  metadataMaxIdleMs: ['metadata.max.idle.ms', ''],
  metadataRecoveryRebootstrapTriggerMs: ['metadata.recovery.rebootstrap.trigger.ms', ''],
  connectTimeoutMs: ['socket.connection.setup.timeout.ms', 'Net.DialTimeout'],
  reconnectBackoffMs: ['reconnect.backoff.ms', ''],
  reconnectBackoffMaxMs: ['reconnect.backoff.max.ms', ''],
  connectionsMaxIdleMs: ['connections.max.idle.ms', ''],
  tls: ['security.protocol, ssl.*', 'Net.TLS'],
  sasl: ['security.protocol, sasl.*', 'Net.SASL'],
  socketFactory: ['', 'Net.Proxy'],
  interceptors: ['interceptor.classes', 'Producer.Interceptors'],
  enableMetricsPush: ['enable.metrics.push', ''],
  logger: ['', 'Logger'],
}

/**
 * The sentences of each option, by name: its docstring in the interface of the options, without the
 * default, which has a column of its own.
 */
export const optionTexts = (source) => {
  const options = source.slice(source.indexOf('export interface ProducerOptions'))
  const documented = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*readonly (\w+)\??:/g
  return new Map(
    [...options.matchAll(documented)].map(([, text, name]) => [
      name,
      text
        .replace(/\s*\n\s*\*? ?/g, ' ')
        .replace(/ Default: .*$/, '')
        .replace(/docs\/((\w+)\.md)/g, '[$2]($1)')
        .trim(),
    ]),
  )
}

/** The page of the options. `source` is the text of producer-options.ts. */
export const optionsPage = (optionTable, source) => {
  const texts = optionTexts(source)
  const options = Object.entries(optionTable)
  const elsewhere = options.filter(([name]) => namesElsewhere[name] !== undefined)
  return `${[
    '# Options of a producer',
    generated,
    'Options of `new Producer({ … })`. Only `brokers` is required; `undefined` is the same as an ' +
      'omitted option. Invalid options throw one error that lists every problem.',
    table(
      ['option', 'type', 'default', 'allowed', 'what it does'],
      options.map(([name, row]) => [
        code(name),
        code(row.type),
        defaultOf(name, row),
        cell(row.bounds),
        cell(texts.get(name)),
      ]),
    ),
    'Without a default: `idempotent` is on with `acks` `all` and `retries` above 0; `flush` and ' +
      '`onError` are off; `logger` is the console, for warnings and errors only.',
    '## Names in other clients',
    table(
      ['here', 'Java', 'sarama'],
      elsewhere.map(([name]) => [
        code(name),
        ...namesElsewhere[name].map((theirs) => (theirs === '' ? '' : code(theirs))),
      ]),
    ),
  ].join('\n\n')}\n`
}

const kinds = [
  ['retriable', 'try again later: the cause may be temporary'],
  ['rejected', 'do not send this record again: it will be rejected again'],
  ['aborted', 'the caller ended it: a signal, close(), destroy()'],
  ['abortable', 'abort the transaction, then continue'],
  [
    'refused',
    'a broker refuses this client: fix credentials, certificates or versions; then the producer ' +
      'delivers again',
  ],
  ['fatal', 'this producer cannot continue; create a new one'],
  ['usage', 'fix your code: the call or an option is invalid'],
]

/** The page of the errors. */
export const errorsPage = (errorCodes, brokerErrors) =>
  `${[
    '# Errors',
    generated,
    'Every error is a `KafkaError`. Its `code` says what happened, its `kind` what you can do ' +
      "next, and `persisted` whether the record may be in the log: `'no'` or `'maybe'`. `topic`, " +
      '`partition`, `broker`, `api`, `attempts`, `elapsedMs` and `cause` say where and why, if ' +
      'known. `remedy` says how to fix the cause: the last column below, or a more specific ' +
      'sentence for a broker’s error code.',
    '## What you can do next',
    table(
      ['kind', 'meaning'],
      kinds.map(([kind, words]) => [code(kind), words]),
    ),
    '## Codes',
    'The table shows the usual kind. An error can have a more specific one.',
    table(
      ['code', 'kind', 'remedy'],
      Object.entries(errorCodes).map(([name, { kind, remedy }]) => [
        code(name),
        kind,
        cell(remedy),
      ]),
    ),
    '## Error codes of brokers',
    '`brokerCode` and `brokerError` are Kafka’s number and name. The producer retries retriable ' +
      'errors itself within `deliveryTimeoutMs`; you see them when retries are exhausted.',
    table(
      ['number', 'name', 'meaning', 'code', 'kind'],
      [...brokerErrors.values()]
        .filter(({ number }) => number !== 0)
        .map(({ number, name, text, code: ours, kind }) => [
          number,
          code(name),
          cell(text),
          code(ours),
          kind,
        ]),
    ),
  ].join('\n\n')}\n`

const load = (name) => {
  const path = join(root, 'packages/millrace/dist/src', name)
  if (!existsSync(path)) throw new ScriptError('Build first: npm run build')
  return import(pathToFileURL(path).href)
}

const main = async () => {
  const { optionTable } = await load('producer/option-table.js')
  const { errorCodes } = await load('protocol/kafka-error.js')
  const { brokerErrors } = await load('protocol/errors.js')
  writeFileSync(
    join(root, 'docs/options.md'),
    optionsPage(optionTable, readFileSync(optionsSource, 'utf8')),
  )
  writeFileSync(join(root, 'docs/errors.md'), errorsPage(errorCodes, brokerErrors))
  say('docs/options.md and docs/errors.md are written.')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail)
