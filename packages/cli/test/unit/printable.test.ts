// What brokers, files and flags hold reaches the terminal as text, never as a command to it.

import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { KafkaError, printableText } from 'millrace'
import { startCluster } from 'millrace/testing'
import { describeFailure } from '../../src/describe-failure.ts'
import { jsonText } from '../../src/json-text.ts'
import { runMillrace } from '../../src/program.ts'
import { formatTable } from '../../src/text-table.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'
import { packageFile } from '../support/package-file.ts'

/** Sets a window's title, clears the screen, colors, a C1 sequence, forged lines. */
const attack = '\u001b]0;title\u0007\u001b[2J\u001b[31m\u009b2J\u202e\u2028\r\nforged'

const isSafe = (text: string): boolean => !/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u.test(text)

test('JSON is printed without control characters, and parses to what it was', () => {
  for (const text of [attack, 'Größe 東京 🙂', '\u{e0041}\ud800']) {
    const json = jsonText({ [text]: text })
    assert.ok(isSafe(json), json)
    assert.equal(printableText(json), json)
    assert.deepEqual(JSON.parse(json), { [text]: text })
  }
  assert.equal(jsonText('Größe 🙂'), '"Größe 🙂"')
  assert.equal(jsonText({ id: 2n ** 63n - 1n }), '{"id":"9223372036854775807"}')
})

test('foreign text in a message or a table is cut to about a kilobyte', () => {
  const error = new KafkaError('BROKER_REJECTED', `no ${attack} ${'x'.repeat(100_000)}`)
  const printed = describeFailure(error)
  assert.ok(isSafe(printed) && printed.length < 6000, printed)
  const [row = ''] = formatTable([[attack, 'y'.repeat(100_000)]])
  assert.ok(isSafe(row) && row.length < 2500)
})

test('a failure is printed as a sentence; a name of code at its beginning stays as it is', () => {
  const timeout = new KafkaError('TIMEOUT', 'connect() did not finish within 5 ms')
  assert.match(describeFailure(timeout), /^connect\(\) did not finish within 5 ms\. /)
  assert.equal(
    describeFailure(new Error('transactionalId must be text')),
    'transactionalId must be text.',
  )
  assert.equal(describeFailure(new Error('no broker responded')), 'No broker responded.')
})

test('no command prints what a file or a flag holds as it is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-printable-'))
  await using cluster = await startCluster({ topics: { orders: 1 } })
  const run = async (args: readonly string[], input = ''): Promise<string> => {
    const terminal = new FakeTerminal()
    terminal.environment.MILLRACE_BROKERS = cluster.brokers[0]!
    terminal.input.end(input)
    await runMillrace(args, terminal)
    return terminal.outputText + terminal.errorText
  }
  const oneLine = attack.replace('\r\n', '')
  const quoted = JSON.stringify(oneLine)
  const properties = join(folder, 'client.properties')
  const faults = join(folder, 'faults')
  const dead = join(folder, 'dead')
  await writeFile(properties, `na${oneLine}me=1\nacks=${oneLine}\n`)
  await writeFile(faults, `{${quoted}: 1}`)
  const json = ['produce', 'orders', '--format', 'json']
  try {
    for (const printed of [
      await run([...json, '--dead-letter', dead], `{"value": ${oneLine}}`),
      await run(json, `{${quoted}:1,"value":"x"}`),
      await run([...json, '--json'], `{"topic":${quoted},"value":"x"}`),
      await run(json, `{"value":"x","timestamp":${quoted}}`),
      await run(['topics', 'list', '-c', properties]),
      await run(['topics', 'list', '--set', `${oneLine}=1`]),
      await run(['topics', 'describe', oneLine]),
      await run(['produce', 'orders', '--file', `${folder}/${oneLine}`]),
      await run(['cluster', '--port', '0', '--faults', faults]),
      await run([oneLine]),
    ]) {
      assert.ok(printed.length > 0)
      for (const line of printed.split('\n')) assert.ok(isSafe(line), JSON.stringify(line))
    }
    const letters = await readFile(dead, 'utf8')
    assert.ok(isSafe(letters.trimEnd()), letters)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('only the terminal module writes to a terminal', async () => {
  const folder = fileURLToPath(packageFile('src'))
  const names = await readdir(folder, { recursive: true })
  for (const name of names.filter((each) => each.endsWith('.ts'))) {
    if (name.endsWith('terminal.ts')) continue
    const source = await readFile(join(folder, name), 'utf8')
    assert.doesNotMatch(source, /(?:output|errors|stdout|stderr)\.write\(|console\.log/, name)
  }
})
