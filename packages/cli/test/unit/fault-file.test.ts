// `millrace cluster --faults`: the rules of the file apply, and change with it.

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { type KafkaError, Producer } from 'millrace'
import { parseFaults } from '../../src/fault-file.ts'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

test('rules are an array or one a line, and "forever" has no end', () => {
  const rules = [{ api: 'Produce', count: Number.POSITIVE_INFINITY, drop: true }, { delayMs: 5 }]
  assert.deepEqual(
    parseFaults('[{"api":"Produce","count":"forever","drop":true},{"delayMs":5}]', 'f'),
    rules,
  )
  assert.deepEqual(
    parseFaults('{"api":"Produce","count":"forever","drop":true}\n\n{"delayMs":5}\n', 'f'),
    rules,
  )
})

for (const [content, expected] of [
  ['{"api":', /f, line 1 must be JSON/],
  ['\n5', /f, line 2 must be an object/],
  ['[{"dorp":true}]', /f, rule 1: unknown field 'dorp': did you mean drop\?/],
  ['{"count":"ever"}', /count must be a number or "forever", got "ever"/],
] as const) {
  test(`the faults ${JSON.stringify(content)} are rejected, and the place is named`, () => {
    assert.throws(() => parseFaults(content, 'f'), expected)
  })
}

const withFolder = async (body: (path: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-faults-'))
  try {
    await body(join(folder, 'faults.json'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

const codeOfSend = async (broker: string): Promise<string> => {
  await using producer = new Producer({ brokers: broker, retries: 0, onError: () => {} })
  try {
    await producer.send({ topic: 'orders', value: 'x' })
    return 'delivered'
  } catch (error) {
    return (error as KafkaError).brokerError ?? String(error)
  }
}

test('faults apply, are read again at SIGHUP and on change; an invalid file changes nothing', (t) =>
  withFolder(async (path) => {
    const rule = (error: string) => JSON.stringify({ api: 'Produce', error, count: 'forever' })
    await writeFile(path, rule('TOPIC_AUTHORIZATION_FAILED'))
    const terminal = new FakeTerminal()
    t.after(() => terminal.interrupt())
    const ended = runMillrace(['cluster', '-p', '0', '-n', '1', '--faults', path], terminal)
    await terminal.untilOutput('Ctrl-C ends it.')
    assert.match(terminal.outputText, /^Faults: 1 rule\.\n/)
    const broker = /127\.0\.0\.1:\d+/.exec(terminal.outputText)![0]
    assert.equal(await codeOfSend(broker), 'TOPIC_AUTHORIZATION_FAILED')

    // Longer than before, so that a coarse clock of the file system hides nothing.
    await writeFile(path, `${rule('INVALID_REQUIRED_ACKS')}\n${rule('CORRUPT_MESSAGE')}\n`)
    await terminal.untilOutput(/was read again: 2 faults\./)
    assert.equal(await codeOfSend(broker), 'INVALID_REQUIRED_ACKS')

    await writeFile(path, '{"api":"Nothing","drop":true}')
    terminal.hangUp()
    await terminal.untilErrors(/The faults did not change: .*Nothing/)
    assert.equal(await codeOfSend(broker), 'INVALID_REQUIRED_ACKS')

    await writeFile(path, '[]')
    terminal.hangUp()
    await terminal.untilOutput(/was read again: 0 faults\./)
    assert.equal(await codeOfSend(broker), 'delivered')
    terminal.interrupt()
    assert.equal(await ended, 0)
  }))

test('an invalid or missing file of faults: exits 1, and no cluster is left', async () => {
  const terminal = new FakeTerminal()
  const args = ['cluster', '-p', '0', '-n', '1', '--faults', '/nowhere/faults']
  assert.equal(await runMillrace(args, terminal), 1)
  assert.match(terminal.errorText, /The faults can't be read: ENOENT/)
})
