import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KafkaError, Producer } from 'millrace'
import { readTopic, startCluster } from 'millrace/testing'
import { runFirstRun } from '../../src/first-run/run.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

let cluster: Awaited<ReturnType<typeof startCluster>>
before(async () => {
  cluster = await startCluster({ nodes: 2, topics: { used: 3, empty: 1 } })
})
after(() => cluster.close())

const run = async (...args: string[]) => {
  const terminal = new FakeTerminal()
  const exitCode = await runFirstRun(args, terminal)
  return { exitCode, output: terminal.outputText, errors: terminal.errorText }
}

test('on its own cluster it sends in three ways, reads all of it back and exits 0', async () => {
  const { exitCode, output, errors } = await run('--count', '3000')
  assert.equal(errors, '')
  assert.equal(exitCode, 0)
  assert.match(output, /^send +1,000 /m)
  assert.match(output, /^sendBatch +1,000 /m)
  assert.match(output, /^enqueue +1,000 /m)
  assert.match(
    output,
    /3,000 records .* written and read back.*\nnone lost, none twice, in order, byte for byte/,
  )
})

test('on a cluster with other records in the topic it checks its own only', async () => {
  const producer = new Producer({ brokers: cluster.brokers })
  await producer.sendBatch(
    Array.from({ length: 100 }, (_, index) => ({ topic: 'used', value: `other ${index}` })),
  )
  await producer.close()
  const args = ['--brokers', cluster.brokers.join(','), '--topic', 'used', '--count', '300']
  for (const round of [1, 2]) {
    const { exitCode, output, errors } = await run(...args)
    assert.deepEqual([exitCode, errors], [0, ''], `round ${round}`)
    assert.match(output, /300 records/)
    assert.match(output, /kcat -b .* -t used -C/)
  }
  let count = 0
  for await (const _ of readTopic({ brokers: cluster.brokers, topic: 'used' })) count++
  assert.equal(count, 100 + 2 * 300)
})

test('a topic that does not exist is named, is not created, and it exits 1', async () => {
  const args = ['--brokers', cluster.brokers[0]!, '--topic', 'not-there', '--count', '300']
  const { exitCode, output, errors } = await run(...args)
  assert.equal(exitCode, 1)
  assert.match(errors, /not-there/)
  assert.doesNotMatch(errors, /\n\s+at /, 'a stack')
  assert.equal(output, '')
  await assert.rejects(
    async () => {
      for await (const _ of readTopic({ brokers: cluster.brokers, topic: 'not-there' }));
    },
    (error) => error instanceof KafkaError && error.code === 'UNKNOWN_TOPIC',
  )
})

test('without a broker it names the address and the reason and exits 1', async () => {
  const { exitCode, errors } = await run('--brokers', '127.0.0.1:1', '--topic', 'orders')
  assert.equal(exitCode, 1)
  assert.match(errors, /127\.0\.0\.1:1\b/)
  assert.match(errors, /refused/i)
  assert.doesNotMatch(errors, /\n\s+at /, 'a stack')
})

for (const [args, expected] of [
  ['--brokers 127.0.0.1:9092', /--brokers needs --topic/],
  ['--brokers localhost --topic a', /HOST:PORT/],
  ['--brokers a:1 --topic a --keep', /leave it out with --brokers/],
  ['--count 29', /whole number from 30 to 1000000/],
  ['--cuont 30', /Did you mean --count/],
] as const) {
  test(`wrong arguments are reported and exit 1: ${args}`, async () => {
    const { exitCode, output, errors } = await run(...args.split(' '))
    assert.equal(exitCode, 1)
    assert.match(errors, expected)
    assert.equal(output, '')
  })
}

for (const [moment, count, args] of [
  ['before the first record', '300', 'runs in this process'],
  ['while records are on their way', '300000', /send +[█░]+ +[1-9]\d?%/],
  ['between two steps', '300', 'sendBatch'],
] as const) {
  test(`an interrupt ${moment} ends it with exit code 130`, async () => {
    const terminal = new FakeTerminal(true)
    Object.assign(terminal.output, { isTTY: true, columns: 120 })
    const ended = runFirstRun(['--count', count], terminal)
    await terminal.untilOutput(args)
    terminal.interrupt()
    assert.equal(await ended, 130)
    assert.match(terminal.outputText, /Stopped before the end\.\n$/)
    assert.doesNotMatch(terminal.outputText, /read back/)
    assert.equal(terminal.errorText, '')
  })
}

test('--keep lets the cluster run on until an interrupt', async (t) => {
  const terminal = new FakeTerminal()
  t.after(() => terminal.interrupt())
  const ended = runFirstRun(['--count', '300', '--keep'], terminal)
  await terminal.untilOutput('Ctrl-C ends it.')
  const broker = /kcat -b (\S+) -t orders -C/.exec(terminal.outputText)?.[1] ?? ''
  let count = 0
  for await (const _ of readTopic({ brokers: [broker], topic: 'orders' })) count++
  assert.equal(count, 300)
  terminal.interrupt()
  assert.equal(await ended, 0)
})
