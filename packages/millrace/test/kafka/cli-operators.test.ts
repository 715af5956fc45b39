// What an operator does with `millrace` on a real Kafka, 4.4 and 3.9: Kafka's own command-line
// tools say before and after what is there; kcat prints what `tail` prints.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Admin, Producer } from '../../src/index.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { findRoot } from '../tidy/repository.ts'
import { batchOf, RawClient } from '../unit/in-process-cluster-kit.ts'
import { runChecked, runCommand } from './fixture/commands.ts'
import {
  javaConsume,
  type Kafka,
  kafkaVersions,
  kcatPath,
  latestKafka,
  startKafka,
} from './fixture/index.ts'
import { kafkaCommand } from './fixture/kafka-commands.ts'

/** The sources when this file is TypeScript, the compiled command otherwise. */
const mainPath = import.meta.url.endsWith('.ts')
  ? join(findRoot(), 'packages/cli/src/main.ts')
  : join(findRoot(), 'packages/cli/dist/src/main.js')

const versions = kafkaVersions.filter((version) => version === latestKafka || /^3\./.test(version))

const producerIn = (brokers: readonly string[]): string => `
  import { Producer } from ${JSON.stringify(join(findRoot(), 'packages/millrace/dist/index.js'))}
  const producer = new Producer({
    brokers: ${JSON.stringify(brokers)},
    transactionalId: 'killed',
    transactionTimeoutMs: 600_000,
  })
  const transaction = await producer.beginTransaction()
  await transaction.send({ topic: 'open', value: 'never committed' })
  process.kill(process.pid, 'SIGKILL')
`

/** Bytes of a key or value that `tail --json` printed; -1 = null. */
const sizeOf = (parts: Readonly<Record<string, string | null>>, name: string): number => {
  const base64 = parts[`${name}Base64`]
  if (base64 !== undefined && base64 !== null) return Buffer.from(base64, 'base64').length
  return Buffer.from(parts[name] ?? '').length - (parts[name] === null ? 1 : 0)
}

for (const version of versions) {
  describe(`millrace for operators, Kafka ${version}`, () => {
    let kafka: Kafka
    let folder = ''
    before(async () => {
      // Without the check, a batch can be written to a transaction that was never begun: it hangs.
      const properties = { 'transaction.partition.verification.enable': 'false' }
      kafka = await startKafka({ version, properties })
      folder = await mkdtemp(join(tmpdir(), 'millrace-operators-'))
    })
    after(async () => {
      await kafka?.close()
      if (folder !== '') await rm(folder, { recursive: true })
    })

    const run = (args: readonly string[], input = '') => {
      const environment = { MILLRACE_BROKERS: kafka.brokers.join(',') }
      return runCommand(process.execPath, [mainPath, ...args], { environment, input })
    }

    /** Its standard output. */
    const millrace = async (args: string): Promise<string> => {
      const { code, stdout, stderr } = await run(args.split(' '))
      assert.equal(code, 0, `${args}: ${stderr}`)
      return stdout.toString('utf8')
    }

    const topic = (name: string) =>
      kafkaCommand(kafka, 'TopicCommand', ['--describe', '--topic', name])

    it('topics: partitions, settings, deletion, as kafka-topics says', async () => {
      await kafka.admin.createTopic('orders', { partitions: 2 })
      assert.match(await topic('orders'), /PartitionCount: 2/)
      const rejected = await run(['topics', 'delete', 'orders'])
      assert.equal(rejected.code, 1)
      assert.match(rejected.stderr, /pass --yes to confirm/)
      await millrace('topics add-partitions orders 5 --yes')
      assert.match(await topic('orders'), /PartitionCount: 5/)
      await millrace('topics config orders -o max.message.bytes=2000 -o retention.ms=60000 --yes')
      await millrace('topics config orders --append cleanup.policy=compact --yes')
      const changed = await topic('orders')
      assert.match(changed, /cleanup\.policy=delete,compact/)
      assert.match(changed, /max\.message\.bytes=2000/)
      assert.match(changed, /retention\.ms=60000/)
      await millrace('topics config orders --reset max.message.bytes')
      assert.doesNotMatch(await topic('orders'), /max\.message\.bytes/)
      const wrong = await run(['topics', 'config', 'orders', '-o', 'retention.ms=soon', '--yes'])
      assert.equal(wrong.code, 1)
      assert.match(wrong.stderr, /INVALID_CONFIG.*soon/)
      await millrace('topics delete orders --yes')
      await assert.rejects(topic('orders'), /does not exist/)
    })

    it('cluster-info, offsets of groups and deleted records, as Kafka says', async () => {
      const info = JSON.parse(await millrace('cluster-info --json'))
      const id = await kafkaCommand(kafka, 'ClusterTool', []).catch((error) => String(error))
      const [broker] = kafka.brokers
      assert.deepEqual(
        info.brokers.map(({ host, port }: { host: string; port: number }) => `${host}:${port}`),
        [broker],
      )
      assert.ok(id.length > 0 && /^[\w-]{22}$/.test(info.clusterId))
      await kafka.admin.createTopic('read', { partitions: 1 })
      await using admin = new Admin({ brokers: kafka.brokers, logger: silentLogger })
      await using producer = new Producer({ brokers: kafka.brokers, transactionalId: 'offsets' })
      await producer.transaction(async (transaction) => {
        for (let index = 0; index < 10; index++) {
          transaction.enqueue({ topic: 'read', value: `v${index}` })
        }
        await transaction.sendOffsets([{ topic: 'read', partition: 0, offset: 7 }], 'readers')
      })
      const described = await kafkaCommand(kafka, 'consumer.group.ConsumerGroupCommand', [
        '--describe',
        '--group',
        'readers',
      ])
      assert.match(described, /readers\s+read\s+0\s+7\s/)
      const [offset] = await admin.listConsumerGroupOffsets('readers')
      assert.deepEqual([offset?.topic, offset?.partition, offset?.offset], ['read', 0, 7])
      const groups = await admin.listConsumerGroups()
      assert.ok(groups.some(({ groupId }) => groupId === 'readers'))

      await admin.deleteRecords('read', new Map([[0, 4]]))
      const earliest = await kafkaCommand(kafka, 'GetOffsetShell', [
        '--topic',
        'read',
        '--time',
        'earliest',
      ])
      assert.match(earliest, /read:0:4/)
      assert.equal((await millrace('tail read --from beginning --until end')).split('\n')[0], 'v4')
    })

    it('a transaction of a killed producer is found and aborted: readers continue', async () => {
      await kafka.admin.createTopic('open', { partitions: 1 })
      const script = join(folder, 'killed.mjs')
      await writeFile(script, producerIn(kafka.brokers))
      const [, signal] = await once(spawn(process.execPath, [script], { stdio: 'ignore' }), 'exit')
      assert.equal(signal, 'SIGKILL')
      await using plain = new Producer({ brokers: kafka.brokers })
      await plain.send({ topic: 'open', value: 'behind' })
      const committed = async (): Promise<string[]> =>
        (
          await javaConsume({ brokers: kafka.brokers, topic: 'open', isolation: 'read_committed' })
        ).map(({ value }) => String(value))
      assert.deepEqual(await committed(), [])
      assert.equal(await millrace('tail open --from beginning --until end'), '')
      const before = await kafkaCommand(kafka, 'TransactionsCommand', [
        'describe',
        '--transactional-id',
        'killed',
      ])
      assert.match(before, /Ongoing/)
      assert.match(await millrace('transactions list'), /killed +Ongoing/)
      assert.match(
        await millrace('transactions describe killed'),
        /Ongoing.*\n.*\n.*\n {2}partitions open-0/,
      )
      const found = await millrace(
        'transactions find-hanging open --max-transaction-timeout 0.0001',
      )
      assert.match(found, /open-0 .*Ongoing as killed/)
      assert.match(found, /transactions abort --transactional-id killed/)
      const silent = await run(['transactions', 'abort', '--transactional-id', 'killed'])
      assert.deepEqual([silent.code, /--yes/.test(silent.stderr)], [1, true])
      await millrace('transactions abort --transactional-id killed --yes')
      assert.deepEqual(await committed(), ['behind'])
      const described = await kafkaCommand(kafka, 'TransactionsCommand', [
        'describe',
        '--transactional-id',
        'killed',
      ])
      assert.doesNotMatch(described, /Ongoing/)
      // Kafka goes on naming the start of a transaction that has ended.
      assert.match(
        await millrace('transactions describe killed'),
        /PrepareAbort|, no transaction is open/,
      )
      assert.equal(await millrace('tail open --from beginning --until end'), 'behind\n')
    })

    it('a transaction that no coordinator knows is found as by Kafka, and aborted', async () => {
      await kafka.admin.createTopic('hanging', { partitions: 1 })
      const client = new RawClient(kafka.brokers[0]!)
      const { producerId, producerEpoch } = await client.request(initProducerIdApi, 4, {
        transactionalId: null,
        transactionTimeoutMs: 60_000,
      })
      // Its timestamps are of 2023: it has been silent for long.
      const options = { producerId, producerEpoch, baseSequence: 0, transactional: true }
      const partitionData = [{ index: 0, records: batchOf(1, options) }]
      const topicData = [{ name: 'hanging', partitionData }]
      const request = { transactionalId: 'ghost', acks: -1, timeoutMs: 5000, topicData }
      const { responses } = await client.request(produceApi, 11, request)
      assert.equal(responses[0]?.partitionResponses[0]?.errorCode, 0)
      client.close()
      const find = ['find-hanging', '--topic', 'hanging']
      const wanted = new RegExp(`hanging\\s+0\\s+${producerId}\\s`)
      assert.match(await kafkaCommand(kafka, 'TransactionsCommand', find), wanted)
      const found = await millrace('transactions find-hanging hanging')
      assert.match(found, new RegExp(`hanging-0 +0 +${producerId} .*hangs`))
      await using plain = new Producer({ brokers: kafka.brokers })
      await plain.send({ topic: 'hanging', value: 'behind' })
      assert.equal(await millrace('tail hanging --from beginning --until end'), '')
      await millrace('transactions abort --topic hanging --partition 0 --start-offset 0 --yes')
      assert.doesNotMatch(await kafkaCommand(kafka, 'TransactionsCommand', find), wanted)
      assert.equal(await millrace('tail hanging --from beginning --until end'), 'behind\n')
      assert.match(await millrace('transactions find-hanging hanging'), /No transaction is open/)
    })

    it('tail prints what kcat prints, byte for byte, of 100,000 records', async () => {
      const kcat = await kcatPath()
      assert.ok(kcat !== null)
      await kafka.admin.createTopic('many', { partitions: 2 })
      await using producer = new Producer({ brokers: kafka.brokers, compression: 'zstd' })
      const count = 100_000
      for (let index = 0; index < count; index++) {
        const record = {
          topic: 'many',
          partition: index % 10 === 0 ? 1 : 0,
          key: index % 3 === 0 ? null : index % 5 === 0 ? '' : `key-${index}`,
          value:
            index % 7 === 0
              ? null
              : Buffer.from(index % 11 === 0 ? '' : `${index} \u00fc\u0000\xff`, 'latin1'),
          headers: [
            ['h', `${index}`],
            ['n', null],
          ] as const,
        }
        while (!producer.enqueue(record)) await producer.ready()
      }
      await producer.flush()
      for (const partition of ['0', '1']) {
        const consume = ['-C', '-b', kafka.brokers[0]!, '-t', 'many', '-p', partition, '-e', '-q']
        const from = [...consume, '-o', 'beginning']
        const tail = ['tail', 'many', '-p', partition, '--from', 'beginning', '--until', 'end']
        const plain = await runChecked(kcat, from)
        assert.ok((await run(tail)).stdout.equals(plain.stdout), 'values')
        const keyed = await runChecked(kcat, [...from, '-K', '|'])
        assert.ok((await run([...tail, '-K', '|'])).stdout.equals(keyed.stdout), 'keys, values')
        // With -Z, kcat prints NULL for what is empty, too; ours only for what is null.
        const named = await runChecked(kcat, [...from, '-K', '|', '-Z'])
        const own = await run([...tail, '-K', '|', '--null-value', 'NULL'])
        const withNulls = own.stdout.toString('latin1').replaceAll(/^(?=\|)|(?<=\|)$/gm, 'NULL')
        assert.equal(withNulls, named.stdout.toString('latin1'))
        // kcat's JSON takes the bytes for text; ours says base64 where they are none.
        const format = '%o %T %K %S %h\\n'
        const listed = (await runChecked(kcat, [...from, '-f', format])).stdout.toString()
        const json = (await run([...tail, '--json'])).stdout.toString().trimEnd().split('\n')
        const lines = json.map((line) => {
          const { offset, timestamp, headers, ...parts } = JSON.parse(line)
          const shown = headers.map(([name, value]: [string, string | null]) => {
            return `${name}=${value ?? 'NULL'}`
          })
          const sizes = `${sizeOf(parts, 'key')} ${sizeOf(parts, 'value')}`
          return `${offset} ${timestamp} ${sizes} ${shown.join(',')}\n`
        })
        assert.equal(lines.join(''), listed)
      }
      const again = await run(
        ['produce', 'again', '--format', 'json'],
        (
          await run(['tail', 'many', '-p', '0', '--from', '-50', '--until', 'end', '--json'])
        ).stdout.toString(),
      )
      assert.equal(again.code, 0, again.stderr)
      const [one, other] = await Promise.all(
        ['many', 'again'].map((name) =>
          run(['tail', name, '-p', '0', '--from', '-50', '--until', 'end', '-K', '|']),
        ),
      )
      assert.ok(one!.stdout.equals(other!.stdout), 'what tail printed, produce sent again')
    })
  })
}
