// `millrace console`, and `--console` of the commands that send: the page is there for as long as
// the run lasts, and shows its records.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface View {
  readonly clientId: string
  readonly totals: { readonly recordsAcked: number }
  readonly faults: readonly { readonly code: string; readonly remedy: string }[]
}

const urlIn = (text: string): string => /The console is at (\S+)/.exec(text)?.[1] ?? ''

const readView = async (url: string): Promise<View> =>
  (await (await fetch(`${url}view`)).json()) as View

const untilView = async (url: string, isThere: (view: View) => boolean): Promise<View> => {
  for (;;) {
    const view = await readView(url)
    if (isThere(view)) return view
  }
}

const start = (args: readonly string[], environment: Record<string, string> = {}) => {
  const terminal = new FakeTerminal()
  Object.assign(terminal.environment, environment)
  return { terminal, ended: runMillrace(args, terminal) }
}

test('without brokers it is a demonstration, until the interrupt', async () => {
  const { terminal, ended } = start(['console', '--rate', '200'])
  await terminal.untilOutput('Ctrl-C ends it.')
  const url = urlIn(terminal.outputText)
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/$/)
  assert.match(terminal.outputText, /^200 made-up records a second, of 100 bytes each, go to /m)
  await untilView(url, ({ totals }) => totals.recordsAcked > 10)
  terminal.interrupt()
  assert.equal(await ended, 0)
  assert.match(terminal.outputText, /\n[\d,]+ records delivered, 0 failed\.\n$/)
  assert.equal(terminal.isHeard, false)
  await assert.rejects(fetch(url))
})

test('the faults of a file apply to the demonstration, and are on the page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-console-'))
  try {
    const path = join(folder, 'faults.ndjson')
    await writeFile(
      path,
      '{"api": "Produce", "error": "NOT_ENOUGH_REPLICAS", "count": "forever"}\n',
    )
    const { terminal, ended } = start(['console', '--faults', path])
    await terminal.untilOutput('Ctrl-C ends it.')
    const { faults } = await untilView(urlIn(terminal.outputText), (view) => view.faults.length > 0)
    assert.equal(faults[0]!.code, 'NOT_ENOUGH_REPLICAS')
    assert.match(faults[0]!.remedy, /^Bring the missing replicas back/)
    terminal.interrupt()
    terminal.interrupt()
    assert.equal(await ended, 2)
    assert.match(terminal.outputText, / × ABORTED/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('with brokers it writes to the topic that is named, and to no other', async () => {
  await using cluster = await startCluster({ topics: { load: 2 } })
  const brokers = cluster.brokers.join(',')
  const { terminal, ended } = start(['console', 'load', '--record-size', '7', '-b', brokers])
  await terminal.untilOutput('Ctrl-C ends it.')
  await untilView(urlIn(terminal.outputText), ({ totals }) => totals.recordsAcked > 5)
  terminal.interrupt()
  assert.equal(await ended, 0)
  const records = cluster.records('load')
  assert.ok(records.length > 5 && records.every(({ value }) => value?.length === 7))
  assert.deepEqual(cluster.topics, ['load'])
  assert.ok(terminal.outputText.includes(`\n${records.length} records delivered, 0 failed.\n`))
})

for (const [args, environment, expected] of [
  [
    ['console'],
    { MILLRACE_BROKERS: 'localhost:1' },
    /the topic is missing: millrace console TOPIC/,
  ],
  [
    ['console', 't', '-b', 'a:1', '--faults', 'x'],
    {},
    /--faults is for the cluster in this process/,
  ],
  [['console', '--tls', 't'], {}, /no broker is named/],
  [['console', '--port', '70000'], {}, /whole number from 0 to 65535/],
  [['console', '--faults', 'nowhere.json'], {}, /The faults can't be read/],
] as const) {
  test(`millrace ${args.join(' ')}is reported in a sentence and exits 1`, async () => {
    const { terminal, ended } = start(args, { ...environment })
    assert.equal(await ended, 1)
    assert.match(terminal.errorText, expected)
    assert.equal(terminal.isHeard, false)
  })
}

test('perf --console shows the run, and prints the same output', async () => {
  await using cluster = await startCluster({ topics: { load: 1 } })
  const args = ['perf', 'load', '-n', '100000', '--throughput', '500', '--json', '--console']
  const { terminal, ended } = start(args, { MILLRACE_BROKERS: cluster.brokers.join(',') })
  await terminal.untilErrors('The console is at')
  const url = urlIn(terminal.errorText)
  await untilView(url, ({ totals }) => totals.recordsAcked > 10)
  terminal.interrupt()
  assert.equal(await ended, 130)
  assert.equal(JSON.parse(terminal.outputText).records, cluster.records('load').length)
  await assert.rejects(fetch(url))
})

test('produce --console shows the run until the input ends', async () => {
  await using cluster = await startCluster({ topics: { load: 1 } })
  const args = ['produce', 'load', '--console-port', '0']
  const { terminal, ended } = start(args, { MILLRACE_BROKERS: cluster.brokers.join(',') })
  terminal.input.write('one\ntwo\n')
  await terminal.untilErrors('The console is at')
  const url = urlIn(terminal.errorText)
  await untilView(url, ({ totals }) => totals.recordsAcked === 2)
  terminal.input.end()
  assert.equal(await ended, 0)
  await assert.rejects(fetch(url))
})

test('a port that is taken ends the run before anything is sent', async () => {
  await using cluster = await startCluster({ topics: { load: 1 } })
  const environment = { MILLRACE_BROKERS: cluster.brokers.join(',') }
  const first = start(['console', 'load'], environment)
  await first.terminal.untilOutput('Ctrl-C ends it.')
  const { port } = new URL(urlIn(first.terminal.outputText))
  const second = start(['perf', 'load', '-n', '5', '--console-port', port], environment)
  assert.equal(await second.ended, 1)
  assert.match(second.terminal.errorText, /EADDRINUSE/)
  first.terminal.interrupt()
  assert.equal(await first.ended, 0)
})
