// The commands that change a cluster: what they do, and that nothing is destroyed unasked.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Producer } from 'millrace'
import { startCluster, type TestCluster } from 'millrace/testing'
import { runMillrace } from '../../src/program.ts'
import { FakeTerminal } from '../support/fake-terminal.ts'

interface Ran {
  readonly code: number
  readonly output: string
  readonly errors: string
}

/** `answer`: what a person types. Without it the command has no terminal. */
type Run = (args: string, answer?: string) => Promise<Ran>

const onStage = async (body: (run: Run, cluster: TestCluster) => Promise<void>) => {
  await using cluster = await startCluster({ nodes: 3, topics: { orders: 2 } })
  await body(async (args, answer) => {
    const terminal = new FakeTerminal()
    terminal.environment.MILLRACE_BROKERS = cluster.brokers.join(',')
    terminal.inputIsTyped = answer !== undefined
    terminal.input.end(answer === undefined ? '' : `${answer}\n`)
    const code = await runMillrace(args.split(' '), terminal)
    assert.equal(terminal.isHeard, false)
    return { code, output: terminal.outputText, errors: terminal.errorText }
  }, cluster)
}

test('a topic is deleted with --yes, or when the user confirms it', () =>
  onStage(async (run, cluster) => {
    const script = await run('topics delete orders')
    assert.equal(script.code, 1)
    assert.match(script.errors, /^The topic orders \(2 partitions\) .* pass --yes to confirm\.\n$/)
    for (const answer of ['', 'n', 'orders']) {
      const rejected = await run('topics delete orders', answer)
      assert.equal(rejected.code, 1)
      assert.match(rejected.errors, /Continue\? \[y\/N\]\nNothing was done\.\n$/)
    }
    assert.equal(cluster.partitions('orders').length, 2)
    const agreed = await run('topics delete orders', 'YES')
    assert.deepEqual([agreed.code, agreed.output], [0, 'orders is deleted.\n'])
    assert.throws(() => cluster.partitions('orders'))
    const again = await run('topics delete orders --yes')
    assert.match(again.errors, /UNKNOWN_TOPIC_OR_PARTITION/)
    assert.equal(again.code, 1)
    const missing = await run('topics delete orders --yes --if-exists --json')
    assert.deepEqual(
      [missing.code, JSON.parse(missing.output)],
      [0, { name: 'orders', deleted: false }],
    )
  }))

test('partitions are added, never fewer, and not by accident', () =>
  onStage(async (run, cluster) => {
    assert.match((await run('topics add-partitions orders 4')).errors, /pass --yes to confirm/)
    assert.equal(cluster.partitions('orders').length, 2)
    const added = await run('topics add-partitions orders 4 --yes --json')
    assert.deepEqual(JSON.parse(added.output), { name: 'orders', before: 2, partitions: 4 })
    assert.equal(cluster.partitions('orders').length, 4)
    const fewer = await run('topics add-partitions orders 4 --yes')
    assert.deepEqual([fewer.code, /topic orders has 4 partitions/.test(fewer.errors)], [1, true])
    assert.match((await run('topics add-partitions orders')).errors, /missing required argument/)
  }))

test('settings are shown and changed; those that delete records need a confirmation', () =>
  onStage(async (run) => {
    assert.equal((await run('topics config orders')).output, 'All settings are the defaults.\n')
    const harmless = await run('topics config orders -o max.message.bytes=5000')
    assert.deepEqual([harmless.code, harmless.output], [0, 'max.message.bytes=5000\n'])
    const risky = await run('topics config orders -o retention.bytes=1000')
    assert.match(risky.errors, /^A change of retention\.bytes of orders may delete records\./)
    assert.equal(risky.code, 1)
    assert.match((await run('topics config orders --reset cleanup.policy')).errors, /--yes/)
    const dry = await run('topics config orders -o retention.bytes=1000 --dry-run')
    assert.match(dry.output, /would take these changes\. Nothing was changed\./)
    const changed = await run('topics config orders -o retention.bytes=1000 --yes --json')
    const own = JSON.parse(changed.output).filter(
      ({ source }: { source: string }) => source === 'topic',
    )
    assert.deepEqual(
      own.map(({ name, value }: { name: string; value: string }) => `${name}=${value}`),
      ['max.message.bytes=5000', 'retention.bytes=1000'],
    )
    assert.match((await run('topics config orders --all')).output, /min\.insync\.replicas=1 \(def/)
    const wrong = await run('topics config orders -o retention.bytes=many')
    assert.match(wrong.errors, /INVALID_CONFIG.*many/)
    const twice = await run('topics config orders -o a=1 --reset a')
    assert.match(twice.errors, /The setting a must be named once/)
    const unknown = await run('topics config orders --reset max.mesage.bytes')
    assert.match(
      unknown.errors,
      /no setting max\.mesage\.bytes: did you mean max\.message\.bytes\?/,
    )
    assert.equal(unknown.code, 1)
    assert.equal((await run('topics config nope')).code, 1)
  }))

test('created topics are printed as JSON, too', () =>
  onStage(async (run) => {
    const made = await run('topics create invoices -P 3 --json')
    assert.deepEqual(JSON.parse(made.output), {
      name: 'invoices',
      partitions: 3,
      replicationFactor: 3,
    })
  }))

test('cluster-info names the cluster and its brokers', () =>
  onStage(async (run, cluster) => {
    const { output } = await run('cluster-info')
    assert.match(output, /^Cluster [\w-]{22}: 3 brokers, controller 1\n\nbroker +address +rack\n/)
    for (const address of cluster.brokers) assert.ok(output.includes(address))
    const info = JSON.parse((await run('cluster-info --json')).output)
    assert.deepEqual([info.brokers.length, info.controllerId], [3, 1])
  }))

test('a transaction is listed, described, found and aborted', () =>
  onStage(async (run, cluster) => {
    assert.equal((await run('transactions list')).output, 'There are no transactions.\n')
    const options = { brokers: cluster.brokers, transactionalId: 'tx', onError() {} }
    await using producer = new Producer(options)
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: 'orders', partition: 1, value: 'open' })
    assert.match((await run('transactions list')).output, /\ntx +Ongoing +\d+ +\d\n$/)
    assert.equal((await run('transactions list --state Empty --json')).output, '[]\n')
    assert.match((await run('transactions list --state ongoing')).output, /\ntx +Ongoing/)
    assert.match((await run('transactions list --state open')).errors, /a list of Empty, Ongoing/)
    const described = await run('transactions describe tx')
    assert.match(described.output, /^tx: Ongoing, open for [^,]+, since 20.*Z\n/)
    assert.match(described.output, /time limit 1 min 0 s\n {2}partitions orders-1\n$/)
    assert.match((await run('transactions describe nope')).errors, /does not know .* nope/)
    assert.match((await run('transactions find-hanging')).output, /^No transaction is open/)
    const find = 'transactions find-hanging --max-transaction-timeout 0.00001'
    const found = await run(find)
    assert.match(found.output, /\norders-1 +0 +\d+ +0 +\d.* s +Ongoing as tx\n/)
    assert.match(found.output, /\n {2}millrace transactions abort --transactional-id tx\n$/)
    assert.equal(JSON.parse((await run(`${find} --json`)).output)[0].coordinator.state, 'Ongoing')
    assert.match((await run('transactions abort --transactional-id tx')).errors, /pass --yes/)
    const place = '--topic orders -p 1 --start-offset 0'
    const known = await run(`transactions abort ${place} --yes`)
    assert.match(known.errors, /got one of the transactional id "tx"/)
    const aborted = await run('transactions abort --transactional-id tx', 'y')
    assert.deepEqual([aborted.code, aborted.output], [0, 'The transaction is aborted.\n'])
    assert.match((await run('transactions list')).output, /\ntx +(?:CompleteAbort|Empty) /)
    const ended = await run('transactions describe tx')
    assert.match(ended.output, /^tx: (?:CompleteAbort|Empty), no transaction is open\n/)
    const closed = await run('transactions abort --transactional-id tx --yes')
    assert.match(closed.errors, /must be Ongoing, got/)
    await transaction.abort().catch(() => {})
  }))

for (const args of [
  'abort',
  'abort --topic orders',
  'abort --transactional-id tx --topic orders',
  'abort --topic orders -p 0',
]) {
  test(`transactions ${args}: says how to name the transaction, exits 1`, () =>
    onStage(async (run) => {
      const { code, errors } = await run(`transactions ${args} --yes`)
      assert.equal(code, 1)
      assert.match(errors, /name the transaction: --transactional-id, or --topic, --partition and/)
    }))
}
