import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type DiagnosticEvents, Producer } from 'millrace'
import { readTopic } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'
import { packageFile } from '../support/package-file.ts'

const brokersIn = (output: string): string[] => output.match(/127\.0\.0\.1:\d+/g) ?? []

test('cluster prints brokers and kcat lines, takes records, ends at an interrupt', async (t) => {
  const terminal = new FakeTerminal()
  t.after(() => terminal.interrupt())
  const ended = runMillrace(
    ['cluster', '--port', '0', '--nodes', '2', '--topic', 'orders:3'],
    terminal,
  )
  await terminal.untilOutput('Ctrl-C ends it.')
  const [broker = ''] = brokersIn(terminal.outputText)
  assert.match(terminal.outputText, /orders \(3 partitions\)/)
  assert.match(terminal.outputText, new RegExp(`kcat -b ${broker} -t orders -C`))
  assert.equal(new Set(brokersIn(terminal.outputText)).size, 2)

  const producer = new Producer({ brokers: [broker] })
  const { partition, offset } = await producer.send({ topic: 'orders', value: 'hello' })
  await producer.close()
  const values = []
  for await (const record of readTopic({ brokers: [broker], topic: 'orders' })) {
    values.push([record.partition, record.offset, String(record.value)])
  }
  assert.deepEqual(values, [[partition, offset, 'hello']])

  terminal.interrupt()
  assert.equal(await ended, 0)
  assert.match(terminal.outputText, /The cluster has ended\.\n$/)
  assert.equal(terminal.errorText, '')
})

test('a port that is in use is reported in a sentence, and the command exits 1', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  try {
    const terminal = new FakeTerminal()
    assert.equal(await runMillrace(['cluster', '--port', String(port)], terminal), 1)
    assert.match(terminal.errorText, /could not start: .*EADDRINUSE.*--port/)
    assert.equal(terminal.isHeard, false)
  } finally {
    server.close()
  }
})

// npm passes on a Ctrl-C that the terminal has sent already. On a busy machine the second SIGINT
// came when the command was done and Node was cleaning up, and the process died of it.
test('the committed bin runs the command, and Ctrl-C ends it with exit code 0', async (t) => {
  const bin = fileURLToPath(packageFile('bin/millrace.js'))
  const child = spawn(process.execPath, [bin, 'cluster', '--port', '0', '--nodes', '1'])
  t.after(() => child.kill('SIGKILL'))
  let text = ''
  const until = (args: string): Promise<void> =>
    new Promise((resolve, reject) => {
      child.stdout.on('data', () => text.includes(args) && resolve())
      child.once('exit', () => reject(new Error(`it ended early: ${text}`)))
    })
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await until('Ctrl-C ends it.')
  assert.equal(new Set(brokersIn(text)).size, 1)
  const exit = once(child, 'exit')
  const ended = until('The cluster has ended.')
  child.kill('SIGINT')
  await ended
  child.kill('SIGINT')
  assert.deepEqual(await exit, [0, null])
})

test('the committed bin says what to do where nothing is built', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bin-'))
  try {
    await mkdir(join(folder, 'bin'))
    await copyFile(packageFile('bin/millrace.js'), join(folder, 'bin/millrace.mjs'))
    const child = spawn(process.execPath, [join(folder, 'bin/millrace.mjs'), '--help'])
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    assert.deepEqual(await once(child, 'close'), [1, null])
    assert.equal(errors, 'millrace: not built yet; run `npm run build` in the repository first.\n')
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('--transaction-version makes a cluster of that level', async (t) => {
  const terminal = new FakeTerminal()
  t.after(() => terminal.interrupt())
  const args = ['cluster', '--port', '0', '--nodes', '1', '--transaction-version', '1']
  const ended = runMillrace(args, terminal)
  await terminal.untilOutput('Ctrl-C ends it.')
  const producer = new Producer({
    brokers: brokersIn(terminal.outputText),
    transactionalId: 'x',
  })
  const versions = new Set<number>()
  const channel = 'millrace:request.sent'
  const onSent = (message: unknown): void => {
    const event = message as DiagnosticEvents[typeof channel]
    if (event.producer === producer) versions.add(event.version)
  }
  subscribe(channel, onSent)
  await producer.transaction((tx) => tx.send({ topic: 'orders', value: 'x' }))
  await producer.close()
  unsubscribe(channel, onSent)
  // From level 2 on it is 12, which adds the partition to the transaction by itself.
  assert.deepEqual([...versions], [11])
  terminal.interrupt()
  assert.equal(await ended, 0)
  const wrong = new FakeTerminal()
  assert.equal(await runMillrace(['cluster', '--transaction-version', '3'], wrong), 1)
  assert.match(wrong.errorText, /whole number from 0 to 2/)
})
