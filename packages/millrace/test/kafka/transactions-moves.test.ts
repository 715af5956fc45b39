// A cluster of three whose nodes come and go under transactions: coordinators that stop, die while
// they receive a commit, and a cluster that is upgraded to the second protocol meanwhile.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Producer, Transaction } from '../../src/index.ts'
import { type Kafka, type KafkaNode, startKafka } from './fixture/index.ts'
import { RequestWatch } from './request-watch.ts'
import { TransactionStage } from './transaction-kit.ts'

const partitions = 6
const group = 'moving'

describe('three nodes', () => {
  let kafka: Kafka
  before(async () => {
    // As in a cluster that was upgraded from Kafka 3: the first protocol.
    kafka = await startKafka({ nodes: 3, formatArguments: ['--feature=transaction.version=1'] })
  })
  after(() => kafka?.close())

  const stageFor = async (name: string) => {
    const configs = { 'min.insync.replicas': '2' }
    await kafka.admin.createTopic(name, { partitions, replicationFactor: 3, configs })
    return new TransactionStage(kafka, name)
  }

  const coordinatorOf = async (stage: TransactionStage): Promise<KafkaNode> =>
    kafka.node((await stage.coordinator.describe(stage.name)).coordinator)

  /** One record to each partition, so that every node has a part in it. */
  const sendToAll = (stage: TransactionStage, transaction: Transaction, value: string) =>
    Promise.all(
      Array.from({ length: partitions }, (_, partition) =>
        transaction.send({ topic: stage.name, partition, value }),
      ),
    )

  const offset = (stage: TransactionStage, value: number) => [
    { topic: stage.name, partition: 0, offset: value },
  ]

  const expectCommitted = async (stage: TransactionStage, values: readonly string[]) => {
    const wanted = values.flatMap((value) => Array.from({ length: partitions }, () => value))
    assert.deepEqual(await stage.committed(), wanted.sort())
  }

  it('a coordinator that stops, and an upgrade meanwhile, do not fail a transaction', async () => {
    const stage = await stageFor('stopped')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    const transact = (value: string) =>
      producer.transaction((transaction) => sendToAll(stage, transaction, value))
    await transact('first')
    assert.deepEqual([watch.version('produce'), watch.version('endTransaction')], [11, 4])

    const transaction = await producer.beginTransaction()
    await sendToAll(stage, transaction, 'before the stop')
    await stage.coordinator.updateFeature('transaction.version', 2)
    const node = await coordinatorOf(stage)
    await node.stop()
    await sendToAll(stage, transaction, 'after the stop')
    await transaction.sendOffsets(offset(stage, 1), group)
    await transaction.commit()
    assert.equal(watch.version('endTransaction'), 4, 'it ends as it began')
    await transact('with two nodes')

    await node.start()
    await kafka.admin.moveLeader(stage.name, 0, node.id)
    // A connection to the node tells of the upgrade; the transaction after that one uses it.
    await transact('finds it out')
    await transact('upgraded')
    assert.equal(watch.version('endTransaction'), 5)
    assert.ok(watch.version('produce') >= 12)
    const values = ['first', 'before the stop', 'after the stop', 'with two nodes']
    await expectCommitted(stage, [...values, 'finds it out', 'upgraded'])
    assert.equal(await stage.groupOffset(group, true), 1)
  })

  it('a coordinator that is killed during a commit loses nothing', async () => {
    const stage = await stageFor('killed-committing')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    const { transaction, node } = await killedWhileEnding(stage, producer, watch, 'commit')
    await assert.rejects(transaction.abort(), { code: 'INVALID_STATE' })
    await producer.transaction((next) => sendToAll(stage, next, 'afterwards'))
    await node.start()
    await expectCommitted(stage, ['under a kill', 'afterwards'])
    assert.equal(await stage.groupOffset(stage.name, true), 2)
    assert.equal(watch.version('endTransaction'), 5)
  })

  // The last one: it leaves a node dead.
  it('a coordinator killed during an abort loses nothing; a successor fences us', async () => {
    const stage = await stageFor('killed-aborting')
    const other = await stageFor('taken-over')
    await using zombie = other.producer()
    const stale = await zombie.beginTransaction()
    await sendToAll(other, stale, 'zombie')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    await using owner = other.producer()
    let takeOver: Promise<unknown> = Promise.resolve()
    await killedWhileEnding(stage, producer, watch, 'abort', () => {
      takeOver = owner.transaction((own) => sendToAll(other, own, 'owner'))
    })
    await producer.transaction((next) => sendToAll(stage, next, 'afterwards'))
    await takeOver
    await assert.rejects(stale.commit(), { code: 'FENCED', kind: 'fatal' })
    await expectCommitted(stage, ['afterwards'])
    await expectCommitted(other, ['owner'])
    assert.equal(await stage.groupOffset(stage.name, true), -1)
  })

  /** EndTxn leaves as its coordinator dies; resolves when another coordinator has responded. */
  const killedWhileEnding = async (
    stage: TransactionStage,
    producer: Producer,
    watch: RequestWatch,
    call: 'commit' | 'abort',
    meanwhile: () => void = () => {},
  ) => {
    const transaction = await producer.beginTransaction()
    await sendToAll(stage, transaction, 'under a kill')
    await transaction.sendOffsets(offset(stage, 2), stage.name)
    watch.hold('endTransaction')
    const ended = transaction[call]()
    await watch.held()
    const node = await coordinatorOf(stage)
    const killed = node.kill('SIGKILL')
    watch.release()
    meanwhile()
    await killed
    await ended
    return { transaction, node }
  }
})
