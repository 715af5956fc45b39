// `millrace topics` against the in-process cluster.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

type Run = (args: string) => Promise<{ code: number; output: string; errors: string }>

const onStage = async (body: (run: Run, cluster: TestCluster) => Promise<void>) => {
  await using cluster = await startCluster({ nodes: 3 })
  await body(async (args) => {
    const terminal = new FakeTerminal()
    terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
    const code = await runMillrace(['topics', ...args.split(' ')], terminal)
    assert.equal(terminal.isHeard, false)
    return { code, output: terminal.outputText, errors: terminal.errorText }
  }, cluster)
}

test('a topic is created as the flags say, listed and described', () =>
  onStage(async (run, cluster) => {
    assert.equal((await run('list')).output, 'There are no topics.\n')
    const created = await run('create orders -P 2 -R 2 -o cleanup.policy=compact')
    assert.equal(created.code, 0)
    assert.equal(created.output, 'orders is created: 2 partitions, 2 replicas.\n')
    assert.equal(cluster.partitions('orders').length, 2)
    assert.equal(
      (await run('list')).output,
      'topic   partitions  replicas\norders           2         2\n',
    )
    const described = await run('describe orders')
    assert.match(described.output, /^orders: 2 partitions, 2 replicas, id [\w-]{22}\n\npartition /)
    assert.match(described.output, /\n1 +2 +2,3 +2,3 +-\n/)
    assert.match(described.output, /\nSettings:\n {2}cleanup\.policy=compact\n$/)
    assert.match((await run('describe orders --all')).output, /retention\.bytes=.* \(default\)/)
  }))

test('--json prints what the admin says', () =>
  onStage(async (run) => {
    await run('create orders')
    assert.deepEqual(JSON.parse((await run('list --json')).output), [
      { name: 'orders', partitions: 1, replicationFactor: 3, internal: false },
    ])
    const topic = JSON.parse((await run('describe orders --json')).output)
    assert.equal(topic.partitionList[0].leaderId, 1)
  }))

test('a topic that exists is a failure, except with --if-not-exists', () =>
  onStage(async (run) => {
    await run('create orders')
    const again = await run('create orders')
    assert.equal(again.code, 1)
    assert.match(again.errors, /TOPIC_ALREADY_EXISTS/)
    const welcome = await run('create orders --if-not-exists')
    assert.deepEqual([welcome.code, welcome.output], [0, 'orders already exists.\n'])
  }))

test('describing a topic does not create it', () =>
  onStage(async (run, cluster) => {
    const { code, errors } = await run('describe missing')
    assert.equal(code, 1)
    assert.match(errors, /missing.*UNKNOWN_TOPIC_OR_PARTITION/)
    assert.deepEqual(cluster.topics, [])
  }))

for (const [args, expected] of [
  ['create', /missing required argument 'topic'/],
  ['create orders -P 0', /whole number from 1/],
  ['create orders -o x', /NAME=VALUE/],
  ['lst', /unknown command 'lst'[\s\S]*Did you mean list/],
] as const) {
  test(`topics ${args} is reported in a sentence and exits 1`, () =>
    onStage(async (run) => {
      const { code, errors } = await run(args)
      assert.equal(code, 1)
      assert.match(errors, expected)
    }))
}
