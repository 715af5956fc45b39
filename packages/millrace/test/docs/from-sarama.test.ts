// The page for people who come from sarama names every setting that concerns a producer, and only
// options that there are.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { optionTable } from '../../src/producer/option-table.ts'
import { docsPath } from './doc-programs.ts'

const page = await readFile(join(docsPath, 'from-sarama.md'), 'utf8')

/** sarama's Config, version 1.46: what a producer has to do with. */
const settings = {
  Producer: [
    'RequiredAcks, Timeout, MaxMessageBytes, Compression, CompressionLevel, Partitioner',
    'Transaction.ID, Transaction.Timeout, Transaction.Retry.Max, Return.Successes, Return.Errors',
    'Flush.Bytes, Flush.Messages, Flush.Frequency, Flush.MaxMessages, Interceptors, Idempotent',
    'Retry.Max, Retry.Backoff, Retry.BackoffFunc, Retry.MaxBufferLength',
  ],
  Net: [
    'MaxOpenRequests, DialTimeout, ReadTimeout, WriteTimeout, ResolveCanonicalBootstrapServers',
    'TLS.Enable, TLS.Config, SASL.Enable, SASL.SCRAMAuthzID, KeepAlive, LocalAddr',
    'Proxy.Enable, Proxy.Dialer',
  ],
  Metadata: [
    'Retry.Max, Retry.Backoff, RefreshFrequency, Full, Timeout, AllowAutoTopicCreation',
    'SingleFlight',
  ],
}

/** Fields that stand in the row of another one of their group. */
const shortened = [
  '.Backoff',
  '.BackoffFunc',
  '.MaxBufferBytes',
  '.Mechanism',
  '.Version',
  '.Handshake',
  '.AuthIdentity',
  '.User',
  '.Password',
  '.SCRAMClientGeneratorFunc',
  '.TokenProvider',
  '.GSSAPI',
]

const others = ['ClientID', 'RackID', 'ChannelBufferSize', 'ApiVersionsRequest', 'Version']

test('every setting of a producer in sarama has its row', () => {
  for (const [group, lines] of Object.entries(settings)) {
    for (const field of lines.join(', ').split(', ')) {
      assert.ok(page.includes(`\`${group}.${field}\``), `${group}.${field} is missing`)
    }
  }
  for (const name of [...shortened, ...others, 'MetricRegistry']) {
    assert.ok(page.includes(`\`${name}\``), `${name} is missing`)
  }
})

test('what the page names as options are options, and it leaves none out', () => {
  const named = new Set(page.match(/`[a-z][A-Za-z]+`/g)?.map((name) => name.slice(1, -1)))
  const rows = page.split('\n').filter((line) => /^\| `(Producer|Net|Metadata)\./.test(line))
  for (const row of rows) {
    const second = row.split(' | ')[1] ?? ''
    for (const [, name] of second.matchAll(/`([a-z][A-Za-z]+)`/g)) {
      assert.ok(name! in optionTable, `${name} is not an option: ${row}`)
    }
  }
  const missing = Object.keys(optionTable).filter((name) => !named.has(name) && name !== 'brokers')
  assert.deepEqual(missing, [])
})
