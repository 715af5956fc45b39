// `millrace spool` on directories that a producer has filled: in use, left behind, damaged.

import assert from 'node:assert/strict'
import { mkdtemp, open, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Logger, Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

const run = async (...args: string[]) => {
  const terminal = new FakeTerminal()
  const code = await runMillrace(['spool', ...args], terminal)
  return { code, output: terminal.outputText, errors: terminal.errorText }
}

type Body = (directory: string, producer: Producer) => Promise<void>

/** A producer that has no broker, with its spool. */
const onSpool = async (body: Body): Promise<void> => {
  const parent = await mkdtemp(join(tmpdir(), 'millrace-spool-command-'))
  const directory = join(parent, 'spool')
  const brokers = '127.0.0.1:1'
  const producer = new Producer({
    brokers,
    spool: { directory, maxBytes: 2 ** 20 },
    logger: silent,
  })
  try {
    await body(directory, producer)
  } finally {
    await producer.close({ timeoutMs: 0 })
    await rm(parent, { recursive: true })
  }
}

const fill = async (producer: Producer, count: number): Promise<void> => {
  for (let id = 0; id < count; id++) {
    const topic = id % 4 === 0 ? 'clicks' : 'orders'
    await producer.submit({
      topic,
      key: String(id),
      value: `value ${id}`,
      headers: { id: `${id}` },
    })
  }
}

const records = (output: string): { topic: string; value: string }[] =>
  output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

test('inspect shows what a spool in use holds, and which process has it', () =>
  onSpool(async (directory, producer) => {
    await fill(producer, 100)
    const { code, output, errors } = await run('inspect', directory)
    assert.deepEqual([code, errors], [0, ''])
    assert.match(output, /spool: 100 records are not settled, the oldest taken at 20\d\d-/)
    assert.match(output, new RegExp(`In use by process ${process.pid} on `))
    assert.match(output, /\nclicks +25 +0\.0 MB\n/)
    assert.match(output, /\norders +75 +0\.0 MB\n/)
    const json = JSON.parse((await run('inspect', directory, '--json')).output)
    assert.equal(json.records, 100)
    assert.equal(json.holder.isRunning, true)
    assert.equal((await run('verify', directory)).code, 0)
  }))

test('export prints the records in the form that produce reads', () =>
  onSpool(async (directory, producer) => {
    await fill(producer, 100)
    await producer.close({ timeoutMs: 0 })
    const { code, output } = await run('export', directory)
    assert.equal(code, 0)
    const all = records(output)
    assert.deepEqual(
      all.map(({ value }) => value),
      Array.from({ length: 100 }, (_, id) => `value ${id}`),
    )
    assert.equal(records((await run('export', directory, '--topic', 'clicks')).output).length, 25)
    await using cluster = await startCluster({ topics: { orders: 1, clicks: 1 } })
    const terminal = new FakeTerminal()
    terminal.input.end(output)
    const args = ['produce', '--format', 'json', '--brokers', cluster.brokers.join(',')]
    assert.equal(await runMillrace(args, terminal), 0)
    assert.equal(cluster.records('orders').length + cluster.records('clicks').length, 100)
  }))

test('a damaged block and a missing file are named, and the rest is read', () =>
  onSpool(async (directory, producer) => {
    await fill(producer, 40)
    const large = 'x'.repeat(30_000)
    for (let id = 0; id < 10; id++) await producer.submit({ topic: 'orders', value: large })
    await producer.close({ timeoutMs: 0 })
    const names = (await readdir(directory)).filter((name) => name.endsWith('.spool')).sort()
    assert.ok(names.length >= 4, `${names}`)
    const first = await open(join(directory, names[0]!), 'r+')
    await first.write(Buffer.from([0xff]), 0, 1, 1000)
    await first.close()
    await rm(join(directory, names[2]!))
    const { code, output, errors } = await run('verify', directory)
    assert.equal(code, 1)
    assert.match(output, /are read as far as they can be\./)
    const lines = errors.trim().split('\n')
    assert.equal(lines.length, 2)
    assert.match(lines[0]!, /00000001\.spool: byte \d+: a block is not as it was written/)
    assert.match(lines[1]!, /00000003\.spool: byte 0: the file is missing/)
    const exported = await run('export', directory)
    assert.equal(exported.code, 1)
    assert.equal(exported.errors, errors)
    const count = records(exported.output).length
    assert.ok(count > 40 && count < 50, `${count} records`)
  }))

test('export skips records that are settled, except with --all', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'millrace-spool-command-'))
  const directory = join(parent, 'spool')
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const producer = new Producer({ brokers: cluster.brokers, spool: { directory }, logger: silent })
  await producer.send({ topic: 'orders', value: 'a' })
  await producer.flush()
  await producer.flushSpool()
  assert.equal((await run('export', directory)).output, '')
  assert.equal(records((await run('export', directory, '--all')).output).length, 1)
  await producer.close()
  await rm(parent, { recursive: true })
})

test('a directory that does not exist is a failure in one sentence', async () => {
  const { code, errors } = await run('inspect', '/nonexistent/spool')
  assert.equal(code, 1)
  assert.match(errors, /^Spool \/nonexistent\/spool: reading the directory failed: /)
})
