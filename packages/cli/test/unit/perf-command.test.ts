// `millrace perf`: its counts are the cluster's, and its figures those of what was measured.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCluster, type TestCluster } from 'millrace/testing'
import { Latencies } from '../../src/perf/latency.ts'
import { randomPayloads } from '../../src/perf/payloads.ts'
import { histogramLines } from '../../src/perf/perf-report.ts'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Stage {
  readonly cluster: TestCluster
  readonly terminal: FakeTerminal
  untilProduce(): Promise<unknown>
  run(args: string): Promise<number>
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const requests = new EventEmitter()
  await using cluster = await startCluster({
    topics: { load: 3 },
    onRequest: ({ api }) => requests.emit(api),
  })
  const terminal = new FakeTerminal()
  terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
  await body({
    cluster,
    terminal,
    untilProduce: () => once(requests, 'Produce'),
    run: (args) => runMillrace(['perf', ...args.split(' ')], terminal),
  })
}

test('percentiles are within three digits of the sorted latencies', () => {
  const latencies = new Latencies()
  const all = Array.from({ length: 10_000 }, (_, index) => (index * 7919) % 10_000)
  for (const value of all) latencies.record(value / 100)
  for (const percent of [50, 95, 99, 99.9, 100]) {
    const exact = Math.ceil((percent / 100) * 10_000 - 1) / 100
    const found = latencies.percentileMs(percent)
    assert.ok(Math.abs(found - exact) <= 0.02 + exact / 1000, `p${percent}: ${found}, not ${exact}`)
  }
  assert.equal(latencies.count, 10_000)
  assert.equal(
    latencies.bars.reduce((sum, count) => sum + count, 0),
    10_000,
  )
})

test('the histogram goes from the fastest to the slowest, with the gaps between them', () => {
  const latencies = new Latencies()
  for (let index = 0; index < 90; index++) latencies.record(0.15)
  for (let index = 0; index < 10; index++) latencies.record(0.9)
  assert.deepEqual(histogramLines(latencies), [
    ` ≤ 0.2 ms  90   90.0%  ${'█'.repeat(40)}`,
    ' ≤ 0.5 ms   0    0.0%',
    `   ≤ 1 ms  10   10.0%  ${'█'.repeat(4)}`,
  ])
  assert.deepEqual(histogramLines(new Latencies()), [])
})

test('random payloads have the requested size, capital letters, and differ', () => {
  const payloads = randomPayloads(50)
  const made = Array.from({ length: 200 }, () => String(payloads()))
  for (const value of made) assert.match(value, /^[A-Z]{50}$/)
  assert.equal(new Set(made).size, 200)
  assert.equal(randomPayloads(0)().length, 0)
})

test('all records are delivered; the warm-up is sent, and not counted', () =>
  onStage(async ({ cluster, terminal, run }) => {
    assert.equal(await run('load --num-records 2000 --warmup 500 --record-size 10'), 0)
    const records = cluster.records('load')
    assert.equal(records.length, 2500)
    assert.ok(records.every(({ value }) => value?.length === 10))
    assert.match(terminal.outputText, /^500 records of warm-up are not counted\.\n/)
    assert.match(
      terminal.outputText,
      new RegExp(
        '\\n2000 records sent, [\\d.]+ records/sec \\([\\d.]+ MB/sec\\), [\\d.]+ ms avg latency, ' +
          '[\\d.]+ ms max latency, [\\d.]+ ms 50th, [\\d.]+ ms 95th, [\\d.]+ ms 99th, ' +
          '[\\d.]+ ms 99.9th\\.\\n\\n +≤',
      ),
    )
  }))

test('--json prints one object, with the requested percentiles', () =>
  onStage(async ({ terminal, run }) => {
    assert.equal(await run('load -n 300 -s 20 --percentiles 50,99.99 --json --compression lz4'), 0)
    const report = JSON.parse(terminal.outputText)
    assert.equal(report.records, 300)
    assert.equal(report.bytes, 6000)
    assert.equal(report.failed, 0)
    assert.deepEqual(Object.keys(report.latencyMs), ['mean', 'max', 'p50', 'p99.99'])
    const { mean, max, p50 } = report.latencyMs
    assert.ok(mean > 0 && mean <= max && p50 <= max * 1.001)
    const counted = report.histogram.reduce(
      (sum: number, { count }: { count: number }) => sum + count,
      0,
    )
    assert.equal(counted, 300)
  }))

test('payloads are read from a file, in turn', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-perf-'))
  try {
    const path = join(folder, 'payloads')
    await writeFile(path, 'one\ntwo\n\nthree')
    await onStage(async ({ cluster, run }) => {
      assert.equal(await run(`load -n 7 --payload-file ${path} --set partitioner=sticky`), 0)
      const values = cluster.records('load').map(({ value }) => String(value))
      assert.deepEqual(values.sort(), ['one', 'one', 'one', 'three', 'three', 'two', 'two'])
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('--throughput holds the rate', () =>
  onStage(async ({ terminal, run }) => {
    assert.equal(await run('load -n 100 --throughput 1000 --json'), 0)
    const { seconds } = JSON.parse(terminal.outputText)
    assert.ok(seconds >= 0.095, String(seconds))
  }))

test('at a rate, a stall counts for every record that was due in it', () =>
  onStage(async ({ cluster, terminal, run }) => {
    cluster.fault({ api: 'Produce', delayMs: 300, count: 1 })
    // The buffer takes about 70 records; the others wait outside.
    assert.equal(await run('load -n 400 --throughput 1000 --set bufferMemoryBytes=65536 --json'), 0)
    const { histogram } = JSON.parse(terminal.outputText)
    const slow = histogram.filter(({ upToMs }: { upToMs: number | null }) => (upToMs ?? 1e9) > 100)
    const count = slow.reduce((sum: number, bar: { count: number }) => sum + bar.count, 0)
    assert.ok(count >= 150, `${count} records took more than 100 ms`)
  }))

test('failures are counted by code, and the command exits 1', () =>
  onStage(async ({ cluster, terminal, run }) => {
    cluster.fault({ api: 'Produce', error: 'TOPIC_AUTHORIZATION_FAILED', count: 1 })
    assert.equal(await run('load -n 10 --acks all'), 2)
    assert.match(terminal.outputText, /10 × AUTHORIZATION_FAILED, not in the log: /)
  }))

test('an interrupt stops sending; the records taken so far are reported', () =>
  onStage(async ({ cluster, terminal, run, untilProduce }) => {
    const produced = untilProduce()
    const ended = run('load -n 1000000 --throughput 1000 --json')
    await produced
    terminal.interrupt()
    assert.equal(await ended, 130)
    const { records } = JSON.parse(terminal.outputText)
    assert.equal(records, cluster.records('load').length)
    assert.ok(records > 0 && records < 1_000_000)
  }))

for (const [args, expected] of [
  ['load --percentiles 50,x', /numbers above 0, up to 100/],
  ['load --throughput 0', /number above 0/],
  ['load --num-records 0', /whole number from 1/],
  ['load --payload-file /nowhere/x', /payloads can't be read: ENOENT/],
] as const) {
  test(`perf ${args} is reported in a sentence, exits 1 and sends nothing`, () =>
    onStage(async ({ cluster, terminal, run }) => {
      assert.equal(await run(args), 1)
      assert.match(terminal.errorText, expected)
      assert.equal(cluster.requests.Produce, 0)
    }))
}
