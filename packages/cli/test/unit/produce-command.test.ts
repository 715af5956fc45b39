// `millrace produce` against the in-process cluster: what it says is what the log holds.

import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ClusterRecord, startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Stage {
  readonly cluster: TestCluster
  readonly terminal: FakeTerminal
  readonly folder: string
  /** Resolves at the next Produce request. */
  untilProduce(): Promise<unknown>
  /** Runs `millrace produce` with these words; `input` is what it reads, unless left open. */
  run(args: readonly string[], input?: string | Buffer): Promise<number>
}

const onStage = async (body: (stage: Stage) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-produce-'))
  const requests = new EventEmitter()
  await using cluster = await startCluster({
    topics: { orders: 1, many: 4 },
    onRequest: ({ api }) => requests.emit(api),
  })
  const terminal = new FakeTerminal()
  terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
  const run: Stage['run'] = (args, input) => {
    if (input !== undefined) terminal.input.end(input)
    return runMillrace(['produce', ...args], terminal)
  }
  try {
    const untilProduce = () => once(requests, 'Produce')
    await body({ cluster, terminal, folder, run, untilProduce })
  } finally {
    await rm(folder, { recursive: true })
  }
}

const values = (records: readonly ClusterRecord[]): (string | null)[] =>
  records.map(({ value }) => (value === null ? null : Buffer.from(value).toString('latin1')))

const reportOf = (terminal: FakeTerminal): Record<string, unknown> & { failures: object[] } =>
  JSON.parse(terminal.outputText)

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `value-${index}`)

test('each line is a value, byte for byte, the empty and the unfinished one too', () =>
  onStage(async ({ cluster, terminal, run }) => {
    const input = Buffer.from('a\n\r\n\nb\u00ff\u0000c\u00fe\nlast', 'latin1')
    assert.equal(await run(['orders'], input), 0)
    assert.deepEqual(values(cluster.records('orders')), [
      'a',
      '\r',
      '',
      'b\u00ff\u0000c\u00fe',
      'last',
    ])
    assert.match(terminal.outputText, /^5 records taken: 5 delivered, 0 failed, in [\d.]+ s \(/)
    assert.equal(terminal.errorText, '')
    assert.equal(terminal.isHeard, false)
  }))

test('a file in chunks is delivered whole and in order', () =>
  onStage(async ({ cluster, terminal, folder, run }) => {
    const path = join(folder, 'lines')
    const lines = Array.from({ length: 40_000 }, (_, index) => `${index} `.repeat((index % 20) + 1))
    await writeFile(path, `${lines.join('\n')}\n`)
    assert.equal(await run(['orders', '--file', path, '--json']), 0)
    assert.deepEqual(values(cluster.records('orders')), lines)
    const { taken, delivered, bytesRead, complete } = reportOf(terminal)
    const { size } = { size: lines.join('\n').length + 1 }
    assert.deepEqual([taken, delivered, bytesRead, complete], [40_000, 40_000, size, true])
  }))

test('key, headers, partition, delimiters and null marker are as the flags say', () =>
  onStage(async ({ cluster, run }) => {
    const args = '-D ; -K : --null-value NULL -H a=1 -H a=2=3 -k fallback -p 2 -z gzip:9'.split(' ')
    assert.equal(await run(['many', ...args], 'k:v;NULL:NULL;alone;'), 0)
    const found = cluster
      .records('many')
      .map(({ key, value, partition, headers }) => [
        key === null ? null : String(key),
        value === null ? null : String(value),
        partition,
        headers.map(([name, data]) => `${name}=${data}`).join(),
      ])
    assert.deepEqual(found, [
      ['k', 'v', 2, 'a=1,a=2=3'],
      [null, null, 2, 'a=1,a=2=3'],
      ['fallback', 'alone', 2, 'a=1,a=2=3'],
    ])
  }))

test('--skip and --limit choose a part, and --quiet says nothing of a success', () =>
  onStage(async ({ cluster, terminal, run }) => {
    const input = numbered(10).join('\n')
    assert.equal(await run(['orders', '--skip', '3', '--limit', '4', '-q'], input), 0)
    assert.deepEqual(values(cluster.records('orders')), numbered(10).slice(3, 7))
    assert.equal(terminal.outputText, '')
  }))

test('--rate holds the records to so many a second', () =>
  onStage(async ({ terminal, run }) => {
    assert.equal(await run(['orders', '--rate', '200', '--json'], numbered(41).join('\n')), 0)
    // 40 intervals of 5 ms; timers are never early.
    assert.ok((reportOf(terminal).seconds as number) >= 0.19)
  }))

test('lines that are not records are counted, kept and named; the others are delivered', () =>
  onStage(async ({ cluster, terminal, folder, run }) => {
    const path = join(folder, 'dead')
    const input = '{"value":"a"}\nno json\n\n{"value":"b","topic":"many"}\n{"key":1}\n'
    const code = await run(['orders', '--format', 'json', '--dead-letter', path], input)
    assert.equal(code, 2)
    assert.deepEqual(values(cluster.records('orders')), ['a'])
    assert.deepEqual(values(cluster.records('many')), ['b'])
    assert.match(terminal.outputText, /4 records taken: 2 delivered, 2 failed/)
    assert.match(terminal.outputText, /2 × INVALID_RECORD, not in the log: .*\(record 2\)/)
    const letters = (await readFile(path, 'utf8')).trimEnd().split('\n')
    assert.deepEqual(
      letters.map((letter) => JSON.parse(letter).raw),
      ['no json', '{"key":1}'],
    )
  }))

test('records that the broker rejects are in the dead letters, and can be sent from there', () =>
  onStage(async ({ cluster, terminal, folder, run }) => {
    const path = join(folder, 'dead')
    const all = numbered(3000)
    cluster.fault({ api: 'Produce', topic: 'many', error: 'TOPIC_AUTHORIZATION_FAILED', count: 2 })
    const args = ['many', '-K', '-', '--dead-letter', path, '--json', '--set', 'batchBytes=2048']
    assert.equal(await run(args, all.join('\n')), 2)
    const report = reportOf(terminal)
    const stored = values(cluster.records('many'))
    assert.equal(report.delivered, stored.length)
    assert.equal(report.failedMaybeInLog, 0)
    const letters = (await readFile(path, 'utf8')).trimEnd().split('\n')
    assert.equal(letters.length, report.failed)
    assert.ok(letters.length > 0 && letters.length < all.length)
    assert.match(JSON.parse(letters[0]!).error.brokerError, /AUTHORIZATION/)

    const again = new FakeTerminal()
    again.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
    const resend = ['produce', '--format', 'json', '--file', path]
    assert.equal(await runMillrace(resend, again), 0)
    const numbers = all.map((value) => value.slice('value-'.length))
    assert.deepEqual(values(cluster.records('many')).sort(), numbers.sort())
  }))

test('a record that is too large fails alone, and its line number is reported', () =>
  onStage(async ({ cluster, terminal, run }) => {
    const large = 'x'.repeat(10_000)
    const args = ['orders', '--set', 'maxRequestBytes=8192', '--set', 'batchBytes=4096']
    assert.equal(await run(args, `a\n${large}\nb\n`), 2)
    assert.deepEqual(values(cluster.records('orders')), ['a', 'b'])
    assert.match(terminal.outputText, /1 × RECORD_TOO_LARGE, not in the log/)
  }))

test('--stop-on-error reads no further, and says where to continue', () =>
  onStage(async ({ cluster, terminal, run }) => {
    const input = '{"value":"a"}\nno\n{"value":"b"}\n'
    assert.equal(await run(['orders', '--format', 'json', '--stop-on-error'], input), 2)
    assert.deepEqual(values(cluster.records('orders')), ['a'])
    assert.match(
      terminal.outputText,
      /not read to its end: the counts include its first 2 records.*--skip 2 /,
    )
  }))

/** Writes to the open input; resolves when it was taken. */
const feed = (terminal: FakeTerminal, text: string): Promise<void> =>
  new Promise((resolve) => {
    terminal.input.write(text, () => resolve())
  })

for (const [interrupt, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${interrupt} stops reading; the lines taken are delivered and counted exactly`, () =>
    onStage(async ({ cluster, terminal, run, untilProduce }) => {
      cluster.fault({ api: 'Produce', delayMs: 30, count: Number.POSITIVE_INFINITY })
      const ended = run(['orders', '--json'])
      const produced = untilProduce()
      await feed(terminal, `${numbered(500).join('\n')}\nhalf a li`)
      await produced
      terminal.interrupt(interrupt)
      assert.equal(await ended, code)
      const { taken, delivered, failed, done, complete } = reportOf(terminal)
      assert.deepEqual(values(cluster.records('orders')), numbered(500))
      assert.deepEqual([taken, delivered, failed, done, complete], [500, 500, 0, 500, false])
      assert.match(terminal.errorText, /Stopping: what was taken is delivered, for 10 s at most/)
    }))
}

test('after the drain time records without a response are persisted maybe, and kept', () =>
  onStage(async ({ cluster, terminal, folder, run, untilProduce }) => {
    const path = join(folder, 'dead')
    cluster.fault({ api: 'Produce', drop: true, at: 'after', count: Number.POSITIVE_INFINITY })
    const produced = untilProduce()
    const ended = run(['orders', '--json', '--drain-timeout', '0', '--dead-letter', path])
    await feed(terminal, `${numbered(20).join('\n')}\n`)
    await produced
    terminal.interrupt()
    assert.equal(await ended, 130)
    const { taken, delivered, failed, failedMaybeInLog, failures } = reportOf(terminal)
    assert.deepEqual([taken, delivered, failed, failedMaybeInLog], [20, 0, 20, 20])
    assert.deepEqual((failures[0] as { code: string }).code, 'ABORTED')
    const letters = (await readFile(path, 'utf8')).trimEnd().split('\n')
    assert.deepEqual(
      letters.map((letter) => [JSON.parse(letter).value, JSON.parse(letter).error.persisted]),
      numbered(20).map((value) => [value, 'maybe']),
    )
  }))

test('a second interrupt ends delivery at once, with a report', () =>
  onStage(async ({ cluster, terminal, run, untilProduce }) => {
    cluster.fault({ api: 'Produce', drop: true, count: Number.POSITIVE_INFINITY })
    const produced = untilProduce()
    const ended = run(['orders', '--drain-timeout', '3600'])
    await feed(terminal, 'a\nb\n')
    await produced
    terminal.interrupt()
    terminal.interrupt()
    assert.equal(await ended, 130)
    assert.match(terminal.outputText, /2 records taken: 0 delivered, 2 failed/)
    assert.match(terminal.outputText, /2 × ABORTED, perhaps in the log/)
  }))

test('an interrupt before the cluster has responded ends it without a count of records', () =>
  onStage(async ({ cluster, terminal, run }) => {
    const requestSent = new Promise<void>((resolve) => {
      cluster.fault({
        api: 'Metadata',
        drop: true,
        when: () => {
          resolve()
          return true
        },
      })
    })
    const ended = run(['orders'])
    await requestSent
    terminal.interrupt()
    assert.equal(await ended, 130)
    assert.equal(terminal.outputText, '')
  }))

test('dead letters that cannot be written end the run with a failure', () =>
  onStage(async ({ terminal, folder, run }) => {
    assert.equal(await run(['orders', '--dead-letter', folder], 'a\n'), 1)
    assert.match(terminal.errorText, /dead letters can't be written: EISDIR/)
  }))

for (const [args, expected] of [
  ['', /the topic is missing: millrace produce TOPIC/],
  ['or/ders', /It must have 1 to 249 letters/],
  ['orders --format json --key-delimiter x', /--key-delimiter is for lines/],
  ['orders --format json --null-value x', /--null-value is for lines/],
  ['orders --base64 key', /--base64 needs --format json/],
  ['orders --format json --base64 kye', /list of key, value, headers: did you mean key\?/],
  ['orders --delimiter \\q', /only the escapes .*, got \\q/],
  ['orders --header a', /NAME=VALUE/],
  ['orders --compression zstd:x', /TYPE or TYPE:LEVEL/],
  ['orders --compression gzip:10', /compression has an invalid level/],
  ['orders --acks 2', /all, 1 or 0/],
  ['orders --partitioner jva', /partitioner must be one of java, .*, got "jva"/],
  ['orders --set lingerMs=x', /lingerMs must be a whole number .*, got "x"/],
  ['orders --set linger=1', /did you mean lingerMs\?/],
  ['orders --file /nowhere/at/all', /can't be read: ENOENT/],
  ['orders --file .', /must be a file, got a folder/],
  ['orders --brokers 127.0.0.1:1', /No broker could be reached: 127\.0\.0\.1:1/],
  ['unknown --set allowAutoTopicCreation=false --set unknownTopicTimeoutMs=0', /UNKNOWN_TOPIC/],
] as const) {
  test(`produce ${args} is reported in a sentence, exits 1 and sends nothing`, () =>
    onStage(async ({ cluster, terminal, run }) => {
      assert.equal(await run(args.split(' ').filter(Boolean), 'a\n'), 1)
      assert.match(terminal.errorText, expected)
      assert.doesNotMatch(terminal.errorText, /\n\s+at /, 'a stack')
      assert.deepEqual([terminal.outputText, cluster.requests.Produce], ['', 0])
    }))
}

test('the user of a client.properties logs in; a wrong password exits 1 and is not printed', () =>
  onStage(async ({ folder, terminal, run }) => {
    await using guarded = await startCluster({
      topics: { orders: 1 },
      sasl: { mechanisms: ['SCRAM-SHA-256'], users: { alice: 'geheim' } },
    })
    const path = join(folder, 'client.properties')
    await writeFile(
      path,
      `security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-256\n` +
        'sasl.jaas.config=x.ScramLoginModule required username="alice" password="geheim";\n',
    )
    const args = ['orders', '-b', guarded.brokers.join(','), '--config', path]
    assert.equal(await run(args, 'a\n'), 0)
    assert.deepEqual(values(guarded.records('orders')), ['a'])

    const withWrongPassword = new FakeTerminal()
    withWrongPassword.environment.MILLRACE_PASSWORD = 'falsch'
    assert.equal(await runMillrace(['produce', ...args], withWrongPassword), 1)
    assert.match(withWrongPassword.errorText, /user name and password/)
    assert.doesNotMatch(withWrongPassword.errorText + terminal.errorText, /falsch|geheim/)
  }))
