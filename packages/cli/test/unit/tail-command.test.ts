// `millrace tail` against the in-process cluster: which records it prints, and how.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { avroSerializer, SchemaRegistry } from '@millrace/schema-registry'
import { SchemaRegistryServer } from '@millrace/schema-registry/testing'
import { Producer, type ProducerRecord, typedTopics } from 'millrace'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Stage {
  readonly cluster: TestCluster
  readonly producer: Producer
  send(...records: Omit<ProducerRecord, 'topic'>[]): Promise<void>
  start(args: string): { terminal: FakeTerminal; ended: Promise<number> }
  run(args: string): Promise<{ code: number; output: string; errors: string }>
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  await using cluster = await startCluster({ topics: { orders: 2 } })
  await using producer = new Producer({ brokers: cluster.brokers, onError() {} })
  const start: Stage['start'] = (args) => {
    const terminal = new FakeTerminal()
    terminal.environment.MILLRACE_BROKERS = cluster.brokers[0]!
    return { terminal, ended: runMillrace(['tail', ...args.split(' ')], terminal) }
  }
  const run: Stage['run'] = async (args) => {
    const { terminal, ended } = start(args)
    const code = await ended
    return { code, output: terminal.outputText, errors: terminal.errorText }
  }
  const send: Stage['send'] = async (...records) => {
    for (const record of records) {
      await producer.send({ topic: 'orders', partition: 0, ...record } as ProducerRecord)
    }
  }
  await body({ cluster, producer, send, start, run })
}

test('values one a line, keys and nulls where flags request them', () =>
  onStage(async ({ run, send }) => {
    await send({ key: 'k', value: 'a' }, { key: null, value: null }, { key: '', value: 'b\r' })
    const all = 'orders --from beginning --until end'
    assert.deepEqual(await run(all), { code: 0, output: 'a\n\nb\r\n', errors: '' })
    assert.equal((await run(`${all} -K : --null-value NULL`)).output, 'k:a\nNULL:NULL\n:b\r\n')
    assert.equal((await run(`${all} -D ;`)).output, 'a;;b\r;')
    assert.equal((await run(`${all} --limit 1`)).output, 'a\n')
    assert.equal((await run(`${all} -p 1`)).output, '')
  }))

test('as JSON, a record comes back as it was when produce reads the lines', () =>
  onStage(async ({ cluster, run, send }) => {
    const bytes = Buffer.from([0, 0xff, 0x0a])
    await send(
      {
        key: bytes,
        value: 'ü\u009b',
        headers: [
          ['a', '1'],
          ['a', null],
        ],
        timestamp: 1000,
      },
      { key: null, value: null, timestamp: 2000 },
    )
    const { output } = await run('orders --from beginning --until end --json')
    assert.deepEqual(
      output
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
      [
        {
          partition: 0,
          offset: 0,
          timestamp: 1000,
          keyBase64: bytes.toString('base64'),
          value: 'ü\u009b',
          headers: [
            ['a', '1'],
            ['a', null],
          ],
        },
        { partition: 0, offset: 1, timestamp: 2000, key: null, value: null },
      ],
    )
    assert.doesNotMatch(output.replaceAll('\n', ''), /\p{Cc}/u)
    const terminal = new FakeTerminal()
    terminal.input.end(output)
    const args = ['produce', 'copy', '--format', 'json', '-b', cluster.brokers[0]!]
    assert.equal(await runMillrace(args, terminal), 0)
    const parts = ['key', 'value', 'headers', 'timestamp'] as const
    const of = (topic: string) =>
      cluster.records(topic).map((record) => parts.map((part) => record[part]))
    assert.deepEqual(of('copy'), of('orders'))
  }))

// It was silent for ever: the connection was made again each time.
test('tail ends with the reason where the broker closes each connection', () =>
  onStage(async ({ cluster, run, send }) => {
    await send({ value: 'a' })
    cluster.fault({ api: 'Fetch', close: true, count: Number.POSITIVE_INFINITY })
    const { code, errors } = await run('orders --from beginning --until end --timeout 0.3')
    assert.equal(code, 1)
    assert.match(errors, /^Waiting: .+closed.+\nOrders could not be read for 300 ms: .+closed/)
    assert.equal(errors.match(/^Waiting:/gm)?.length, 1)
  }))

test('tail begins and ends where the options say: by offset, from the end, and by time', () =>
  onStage(async ({ run, send }) => {
    const start = Date.UTC(2026, 0, 31, 12)
    const minute = 60_000
    await send(...[0, 1, 2, 3].map((at) => ({ value: `v${at}`, timestamp: start + at * minute })))
    const values = async (args: string): Promise<string> => {
      const { code, output, errors } = await run(`orders -p 0 ${args}`)
      assert.deepEqual([code, errors], [0, ''])
      return output.trimEnd().split('\n').join(' ')
    }
    assert.equal(await values('--from 1 --until 3'), 'v1 v2')
    assert.equal(await values('--from -1 --until end'), 'v3')
    assert.equal(await values('--from 2026-01-31T12:01:30Z --until end'), 'v2 v3')
    assert.equal(await values('--from beginning --until 2026-01-31T12:02:00Z'), 'v0 v1')
    assert.equal(await values('--from now --until end'), '')
    assert.equal(await values('--from 100000d --until 1s'), 'v0 v1 v2 v3')
  }))

test('by default it follows new records until an interrupt', () =>
  onStage(async ({ cluster, send, start }) => {
    await send({ value: 'old' })
    const { terminal, ended } = start('orders')
    while (cluster.requests.Fetch === 0) await send({ value: 'early', partition: 1 })
    await send({ value: 'new' })
    await terminal.untilOutput('new\n')
    assert.doesNotMatch(terminal.outputText, /old/)
    terminal.interrupt()
    assert.equal(await ended, 130)
    assert.equal(terminal.errorText, '')
  }))

test('deleted records are reported, and reading continues after them', () =>
  onStage(async ({ run, send, cluster }) => {
    await send({ value: 'a' }, { value: 'b' }, { value: 'c' })
    const terminal = new FakeTerminal()
    const { Admin } = await import('millrace')
    await using admin = new Admin({ brokers: cluster.brokers })
    await admin.deleteRecords('orders', new Map([[0, 2]]))
    const { output, errors } = await run('orders -p 0 --from 0 --until end')
    assert.equal(output, 'c\n')
    assert.equal(
      errors,
      'Partition 0: the offsets 0 to 1 are gone: they were deleted before they were read.\n',
    )
    assert.equal(terminal.errorText, '')
  }))

test('an outage is reported once, and once when it is over', () =>
  onStage(async ({ cluster, send, start }) => {
    const { terminal, ended } = start('orders --from beginning')
    await send({ value: 'before' })
    await terminal.untilOutput('before\n')
    await cluster.node(1).stop()
    await terminal.untilErrors(/Waiting: .*\n/)
    await cluster.node(1).start()
    await terminal.untilErrors('Reading again.\n')
    await send({ value: 'after' })
    await terminal.untilOutput('after\n')
    terminal.interrupt('SIGTERM')
    assert.equal(await ended, 143)
    assert.equal(terminal.errorText.match(/Waiting/g)?.length, 1)
  }))

test('on a screen the control characters of a value are escaped', () =>
  onStage(async ({ cluster, send }) => {
    await send({ value: '\u001b[2Jred\nnext' })
    const terminal = new FakeTerminal(true)
    const args = ['orders', '--from', 'beginning', '--until', 'end', '-b', cluster.brokers[0]!]
    await runMillrace(['tail', ...args], terminal)
    assert.equal(terminal.outputText, '\\x1b[2Jred\\nnext\n')
  }))

for (const [args, expected] of [
  ['orders --from yesterday', /must be beginning, now, an offset .* or a time such as/],
  ['orders --from 2026-01-31', /A time must be a date with time and time zone/],
  ['orders --from 2026-01-31T12:00:00', /time zone/],
  ['orders --until -5', /must be end, an offset, or a time/],
  ['orders --until beginning', /must be end/],
  ['orders --from 99999999999999999999', /An offset must be at most 9007199254740991/],
  ['orders -p x', /whole number from 0/],
  ['orders --json -K :', /--key-delimiter is for lines/],
  ['orders --isolation snapshot', /Allowed choices are read_committed, read_uncommitted/],
  ['orders -p 7', /Partition must be one of the 2 of orders, got 7/],
  ['nope', /UNKNOWN_TOPIC_OR_PARTITION/],
  ['', /It must have 1 to 249 letters|missing required argument/],
] as const) {
  test(`tail ${args}: rejected with what is wrong, exits 1`, () =>
    onStage(async ({ run }) => {
      const { code, output, errors } = await run(args)
      assert.deepEqual([code, output], [1, ''])
      assert.match(errors, expected)
    }))
}

/** This file's own form decides: sources when it is TypeScript, the compiled command otherwise. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
const mainPath = fileURLToPath(new URL(`../../src/main.${extension}`, import.meta.url))

test('a closed output (| head) ends it, without a message', () =>
  onStage(async ({ cluster, send }) => {
    await send(...Array.from({ length: 50 }, () => ({ value: 'x'.repeat(50_000) })))
    const args = [mainPath, 'tail', 'orders', '-b', cluster.brokers[0]!, '--from', 'beginning']
    const child = spawn(process.execPath, args)
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const exit = once(child, 'exit')
    await once(child.stdout, 'data')
    child.stdout.destroy()
    try {
      assert.deepEqual([await exit, errors], [[0, null], ''])
    } finally {
      child.kill('SIGKILL')
    }
  }))

test('with a registry, values are decoded by their schemas; others are printed as they are', () =>
  onStage(async ({ cluster, producer, send, run }) => {
    const server = await SchemaRegistryServer.start()
    const { url } = server
    const registry = new SchemaRegistry({ url })
    const schema = '{"type":"record","name":"Order","fields":[{"name":"total","type":"long"}]}'
    const value = avroSerializer({ registry, schema, autoRegister: true })
    await typedTopics(producer, { orders: { value } }).send({
      topic: 'orders',
      partition: 0,
      key: 'k',
      value: { total: 7n },
    } as never)
    await send({ value: 'plain' })
    const args = 'orders -p 0 --from beginning --until end --registry'
    const read = await run(`${args} ${url}`)
    assert.deepEqual([read.code, read.output], [0, '{"total":7}\nplain\n'])
    assert.match(read.errors, /^Partition 0, offset 1: the value is as it is: the bytes must begin/)
    const json = await run(`${args} ${url} --json --limit 1`)
    assert.deepEqual(JSON.parse(json.output).value, { total: 7 })
    const secret = await run(`${args} http://user:p4ssw0rd@127.0.0.1:1`)
    assert.match(secret.errors, /URL without a password: put it into MILLRACE_REGISTRY/)
    assert.doesNotMatch(secret.errors, /p4ssw0rd/)
    await server.close()
    const down = await run(`${args} ${url}`)
    assert.deepEqual([down.code, down.output], [1, ''])
    assert.match(down.errors, /registry/i)
    assert.ok(cluster.brokers.length > 0)
  }))
