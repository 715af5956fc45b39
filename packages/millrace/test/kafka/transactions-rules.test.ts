// Transactions on a real broker, under both protocols: offsets that move with them, producers that
// are fenced in each phase, timeouts of the coordinator, every failure that an abort ends, and
// the requests that are sent. Java reads what is committed, and is the other member of the group.

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { readTopic } from '../../src/testing.ts'
import { type CreateTopicOptions, JavaMember, type Kafka, startKafka } from './fixture/index.ts'
import { producerFor } from './producer-kit.ts'
import { RequestWatch } from './request-watch.ts'
import {
  expectError,
  expectFenced,
  quickTimeouts,
  rejectionOf,
  rootOf,
  TransactionStage,
} from './transaction-kit.ts'

interface Release {
  readonly version: string
  /** KIP-890 part 2: partitions are announced by Produce, and each transaction has its epoch. */
  readonly version2: boolean
}

const describeOn = ({ version, version2 }: Release): void => {
  // One after the other: some of them freeze or kill the broker that all share.
  describe(`Kafka ${version}, protocol ${version2 ? 2 : 1}`, { concurrency: 1 }, () => {
    let kafka: Kafka
    const stageFor: Shared['stageFor'] = async (name, options) => {
      await kafka.admin.createTopic(name, options)
      return new TransactionStage(kafka, name)
    }
    before(async () => {
      kafka = await startKafka({ version, properties: quickTimeouts })
    })
    after(() => kafka?.close())

    const shared: Shared = { stageFor, version2 }
    testsOfOffsets(shared)
    testsOfMembership(shared)
    testsOfFencing(shared)
    testsOfTimeouts(shared)
    testsOfFailures(shared)
    testsOfTheWire(shared)
    testsOfOutages(shared)
  })
}

interface Shared {
  readonly version2: boolean
  stageFor(name: string, options?: CreateTopicOptions): Promise<TransactionStage>
}

const inputCount = 20

// ── Offsets ──────────────────────────────────────────────────────────────────────────────────────

const testsOfOffsets = ({ stageFor }: Shared): void => {
  it('consume, transform, produce: each input counts once, whatever is aborted', async () => {
    const input = await stageFor('inputs')
    const output = await stageFor('outputs')
    await using source = producerFor(input.kafka)
    await source.sendBatch(
      Array.from({ length: inputCount }, (_, index) => ({ topic: 'inputs', value: `${index}` })),
    )
    const group = 'transformers'
    let run = 0
    for (let at = 0; at < inputCount; at = Math.max(0, await input.groupOffset(group, true))) {
      // A new producer under the same id each time, as after a crash.
      await using producer = output.producer()
      await using transaction = await producer.beginTransaction()
      let next = at
      for await (const { offset, value } of readTopic({
        brokers: input.kafka.brokers,
        topic: 'inputs',
        from: new Map([[0, at]]),
        maxRecords: 7,
      })) {
        transaction.enqueue({ topic: 'outputs', value: `done ${value}` })
        next = offset + 1
      }
      await transaction.sendOffsets([{ topic: 'inputs', partition: 0, offset: next }], group)
      assert.equal(await input.groupOffset(group), at === 0 ? -1 : at, 'not before the commit')
      if (run++ % 2 === 0) await transaction.abort()
      else await transaction.commit()
      await output.coordinator.settled('outputs')
      assert.equal(Math.max(0, await input.groupOffset(group, true)), run % 2 === 0 ? next : at)
    }
    const wanted = Array.from({ length: inputCount }, (_, index) => `done ${index}`).sort()
    assert.deepEqual(await output.committed(), wanted)
    assert.ok((await output.stored()).length > inputCount)
  })

  it('the metadata of an offset is stored with it', async () => {
    const stage = await stageFor('with-metadata')
    await using producer = stage.producer()
    await producer.transaction((transaction) =>
      transaction.sendOffsets(
        [{ topic: stage.name, partition: 0, offset: 7, metadata: 'ü 7', leaderEpoch: 0 }],
        { groupId: 'noted' },
      ),
    )
    const place = { topic: stage.name, partition: 0 }
    assert.deepEqual(await stage.coordinator.groupOffset('noted', place, { stable: true }), {
      ...place,
      offset: 7,
      metadata: 'ü 7',
      leaderEpoch: 0,
    })
  })
}

const testsOfMembership = ({ stageFor }: Shared): void => {
  it('the offsets of an unknown member are rejected; abort recovers (KIP-447)', async () => {
    const stage = await stageFor('membership')
    await using member = await JavaMember.join(
      { brokers: stage.kafka.brokers },
      'members',
      stage.name,
    )
    await using producer = stage.producer()
    const offsets = [{ topic: stage.name, partition: 0, offset: 1 }]
    const { metadata } = member
    const wrong = [
      ['ILLEGAL_GENERATION', { ...metadata, generationId: metadata.generationId! + 1 }],
      ['ILLEGAL_GENERATION', { ...metadata, generationId: metadata.generationId! - 1 }],
      ['UNKNOWN_MEMBER_ID', { ...metadata, memberId: 'missing' }],
    ] as const
    for (const [brokerError, group] of wrong) {
      await using transaction = await producer.beginTransaction()
      transaction.enqueue({ topic: stage.name, value: brokerError })
      const error = await expectError(
        transaction.sendOffsets(offsets, group),
        'BROKER_REJECTED',
        'abortable',
      )
      assert.equal(error.brokerError, brokerError)
      const commit = await expectError(transaction.commit(), 'TRANSACTION_ABORTED', 'abortable')
      assert.equal(commit.cause, error)
      await transaction.abort()
    }
    assert.equal(await stage.groupOffset('members', true), -1)
    await producer.transaction(async (transaction) => {
      transaction.enqueue({ topic: stage.name, value: 'member' })
      await transaction.sendOffsets(offsets, metadata)
    })
    assert.equal(await stage.groupOffset('members', true), 1)
    // With the group id alone there is no check of the member: only the transactional id fences.
    await producer.transaction((transaction) =>
      transaction.sendOffsets([{ ...offsets[0]!, offset: 2 }], 'members'),
    )
    assert.equal(await stage.groupOffset('members', true), 2)
    assert.deepEqual(await stage.committed(), ['member'])
  })

  it('the offsets of a member are rejected after a rebalance without it', async () => {
    const stage = await stageFor('rebalance', { partitions: 2 })
    const { brokers } = stage.kafka
    await using member = await JavaMember.join({ brokers }, 'changing', stage.name)
    const before = member.metadata
    await using producer = stage.producer()
    await using transaction = await producer.beginTransaction()
    await transaction.send({ topic: stage.name, value: 'stale' })
    let hasJoined = false
    const joining = JavaMember.join({ brokers }, 'changing', stage.name).finally(() => {
      hasJoined = true
    })
    while (!hasJoined) await member.poll()
    await using _ = await joining
    assert.notEqual(member.metadata.generationId, before.generationId)
    const offsets = [{ topic: stage.name, partition: 0, offset: 5 }]
    const error = await expectError(
      transaction.sendOffsets(offsets, before),
      'BROKER_REJECTED',
      'abortable',
    )
    assert.equal(error.brokerError, 'ILLEGAL_GENERATION')
    await transaction.abort()
    assert.equal(await stage.groupOffset('changing', true), -1)
    await stage.works(producer, 'afterwards')
  })
}

// ── Fencing ──────────────────────────────────────────────────────────────────────────────────────

const testsOfFencing = ({ stageFor }: Shared): void => {
  it('a zombie that is idle is fenced by its next transaction', async () => {
    const stage = await stageFor('fenced-idle')
    await using zombie = stage.producer()
    await stage.works(zombie, 'old')
    await using owner = stage.producer()
    await stage.works(owner, 'new')
    const transaction = await zombie.beginTransaction()
    await expectFenced(transaction.send({ topic: stage.name, value: 'zombie' }))
    await expectFenced(transaction.commit())
    await expectFenced(transaction.abort())
    await expectFenced(zombie.beginTransaction())
    await stage.works(owner, 'newer')
    assert.deepEqual(await stage.committed(), ['new', 'newer', 'old'])
  })

  it('a zombie with an open transaction is fenced by send, commit, abort and offsets', async () => {
    const stage = await stageFor('fenced-open')
    const offsets = [{ topic: stage.name, partition: 0, offset: 1 }]
    for (const call of ['send', 'commit', 'abort', 'sendOffsets'] as const) {
      await using zombie = stage.producer()
      const transaction = await zombie.beginTransaction()
      await transaction.send({ topic: stage.name, value: `zombie ${call}` })
      await using owner = stage.producer()
      await stage.works(owner, `owner ${call}`)
      const rejected = {
        send: () => transaction.send({ topic: stage.name, value: `late ${call}` }),
        commit: () => transaction.commit(),
        abort: () => transaction.abort(),
        sendOffsets: () => transaction.sendOffsets(offsets, 'fenced-group'),
      }[call]
      await expectFenced(rejected())
      await expectFenced(zombie.beginTransaction())
      await stage.works(owner, `owner after ${call}`)
    }
    const seen = await stage.committed()
    assert.deepEqual(
      seen.filter((value) => !value.startsWith('owner')),
      [],
    )
    assert.equal(seen.length, 8)
    assert.equal(await stage.groupOffset('fenced-group', true), -1)
    assert.ok((await stage.stored()).includes('zombie commit'))
  })

  it('a zombie is fenced at its commit, and its records are never read', async () => {
    const stage = await stageFor('fenced-committing')
    const watch = new RequestWatch()
    await using zombie = stage.producer({}, watch)
    const transaction = await zombie.beginTransaction()
    transaction.enqueue({ topic: stage.name, value: 'zombie' })
    watch.hold('endTransaction')
    const commit = transaction.commit()
    await watch.held()
    await using owner = stage.producer()
    await stage.works(owner, 'owner')
    watch.release()
    await expectFenced(commit)
    assert.deepEqual(await stage.committed(), ['owner'])
  })

  it("Java's producer takes over from ours, and ours from Java's", async () => {
    const stage = await stageFor('fenced-by-java')
    await using ours = stage.producer()
    const transaction = await ours.beginTransaction()
    await transaction.send({ topic: stage.name, value: 'zombie' })
    await stage.coordinator.transact(stage.name, stage.name, ['java'])
    await expectFenced(transaction.commit())
    await using again = stage.producer()
    await stage.works(again, 'ours again')
    assert.deepEqual(await stage.committed(), ['java', 'ours again'])
  })
}

// ── Timeouts of the coordinator ──────────────────────────────────────────────────────────────────

const testsOfTimeouts = ({ stageFor }: Shared): void => {
  for (const call of ['send', 'commit', 'abort', 'sendOffsets'] as const) {
    it(`a timeout of the coordinator, found by ${call}: the next one works`, async () => {
      const stage = await stageFor(`timeout-${call}`)
      await using producer = stage.producer({ transactionTimeoutMs: 300 })
      await stage.works(producer, 'before')
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic: stage.name, value: 'late' })
      await stage.coordinator.until(stage.name, ({ state }) => state === 'CompleteAbort')
      const isAborted = (promise: Promise<unknown>) =>
        expectError(promise, 'TRANSACTION_ABORTED', 'abortable')
      if (call === 'send') {
        const error = await isAborted(transaction.send({ topic: stage.name, value: 'later' }))
        assert.match(error.message, /transactionTimeoutMs/)
      } else if (call === 'sendOffsets') {
        const offsets = [{ topic: stage.name, partition: 0, offset: 1 }]
        await isAborted(transaction.sendOffsets(offsets, 'late-group'))
        assert.equal(await stage.groupOffset('late-group', true), -1)
      }
      if (call !== 'abort') await isAborted(transaction.commit())
      await transaction.abort()
      await stage.works(producer, 'after')
      await stage.works(producer, 'and again')
      assert.deepEqual(await stage.committed(), ['after', 'and again', 'before'])
    })
  }

  it('a timeout that the broker does not allow is a wrong option', async () => {
    const stage = await stageFor('timeout-too-long')
    await using producer = stage.producer({ transactionTimeoutMs: 3_600_000 })
    const error = await expectError(producer.beginTransaction(), 'INVALID_OPTION', 'usage')
    assert.match(error.message, /transaction\.max\.timeout\.ms/)
  })
}

// ── Failures that an abort ends ─────────────────────────────────────────────────────────────────

const testsOfFailures = ({ stageFor }: Shared): void => {
  it('after each failure commit names it, abort ends it, and the next one commits', async () => {
    const stage = await stageFor('failures', { configs: { 'max.message.bytes': '2000' } })
    const forbidden = await stageFor('failures-forbidden')
    await stage.coordinator.denyTopic(forbidden.name)
    await using producer = stage.producer({
      allowAutoTopicCreation: false,
      unknownTopicTimeoutMs: 300,
      batchBytes: 16_384,
      maxRequestBytes: 100_000,
    })
    const topic = stage.name
    const failures = [
      ['RECORD_TOO_LARGE', { topic, value: Buffer.alloc(5000) }],
      ['RECORD_TOO_LARGE', { topic, value: Buffer.alloc(200_000) }],
      ['AUTHORIZATION_FAILED', { topic: forbidden.name, value: 'x' }],
      ['UNKNOWN_TOPIC', { topic: 'failures-nowhere', value: 'x' }],
      ['UNKNOWN_PARTITION', { topic, partition: 99, value: 'x' }],
      ['INVALID_ARGUMENT', { topic, value: 7 as unknown as string }],
    ] as const
    const good: string[] = []
    for (const [index, [code, record]] of failures.entries()) {
      const transaction = await producer.beginTransaction()
      await transaction.send({ topic, value: `dropped ${index}` })
      // In protocol 1 the coordinator rejects the forbidden partition, and the transaction fails.
      assert.equal(rootOf(await rejectionOf(transaction.send(record))).code, code)
      const commit = await expectError(transaction.commit(), 'TRANSACTION_ABORTED', 'abortable')
      assert.equal(rootOf(commit).code, code)
      await transaction.abort()
      await stage.works(producer, `good ${index}`)
      good.push(`good ${index}`)
    }
    assert.deepEqual(await stage.committed(), good)
  })

  it('a record whose caller cancelled it fails the commit', async () => {
    const stage = await stageFor('given-up')
    await using producer = stage.producer()
    const transaction = await producer.beginTransaction()
    const abort = new AbortController()
    const sent = transaction.send({ topic: stage.name, value: 'x' }, { signal: abort.signal })
    abort.abort()
    await expectError(sent, 'ABORTED', 'aborted')
    await expectError(transaction.commit(), 'TRANSACTION_ABORTED', 'abortable')
    await transaction.abort()
    await stage.works(producer, 'after')
    assert.deepEqual(await stage.committed(), ['after'])
  })
}

// ── What is said on the wire ─────────────────────────────────────────────────────────────────────

const testsOfTheWire = ({ stageFor, version2 }: Shared): void => {
  it('speaks the protocol that the cluster has finalized', async () => {
    const stage = await stageFor('protocol')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    for (const value of ['a', 'b', 'c']) await stage.works(producer, value)
    assert.equal(watch.count('initProducerId'), 1)
    assert.equal(watch.version('endTransaction'), version2 ? 5 : 4)
    assert.equal(watch.count('addPartitions'), version2 ? 0 : watch.count('addPartitions'))
    assert.ok(version2 || watch.count('addPartitions') >= 3)
    if (version2) assert.ok(watch.version('produce') >= 12)
    else assert.equal(watch.version('produce'), 11)
    await producer.transaction((transaction) =>
      transaction.sendOffsets([{ topic: stage.name, partition: 0, offset: 1 }], 'wire'),
    )
    assert.equal(watch.version('commitOffsets'), version2 ? 5 : 4)
    assert.equal(watch.count('addOffsets') > 0, !version2)
  })

  it('an empty transaction makes no request, committed or aborted', async () => {
    const stage = await stageFor('empty')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    await (await producer.beginTransaction()).commit()
    assert.equal(watch.total, 1)
    assert.equal(watch.count('initProducerId'), 1)
    await (await producer.beginTransaction()).abort()
    await producer.transaction(() => {})
    {
      await using _ = await producer.beginTransaction()
    }
    assert.equal(watch.total, 1)
    assert.equal((await stage.coordinator.describe(stage.name)).state, 'Empty')
  })

  it('close() aborts an open transaction: readers do not wait until the timeout', async () => {
    const stage = await stageFor('closed')
    const producer = stage.producer({ transactionTimeoutMs: 600_000 })
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: stage.name, value: 'open' })
    await using other = producerFor(stage.kafka)
    await other.send({ topic: stage.name, value: 'behind it' })
    assert.deepEqual(await stage.committed(), [], 'held up by what is open')
    await producer.close()
    assert.equal((await stage.coordinator.settled(stage.name)).state, 'CompleteAbort')
    assert.deepEqual(await stage.committed(), ['behind it'])
    await expectError(transaction.commit(), 'CLOSED', 'usage')
  })
}

// ── Brokers that hang or restart ─────────────────────────────────────────────────────────────────

const testsOfOutages = ({ stageFor }: Shared): void => {
  it('a record that runs out of time fails the commit; abort ends it', async () => {
    const stage = await stageFor('frozen')
    await using producer = stage.producer({ deliveryTimeoutMs: 1500, requestTimeoutMs: 700 })
    await stage.works(producer, 'before')
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: stage.name, value: 'dropped' })
    const node = stage.kafka.node(1)
    await node.kill('SIGSTOP')
    await expectError(
      transaction.send({ topic: stage.name, value: 'late' }),
      'DELIVERY_TIMEOUT',
      'retriable',
    )
    await expectError(transaction.commit(), 'TRANSACTION_ABORTED', 'abortable')
    const aborted = transaction.abort()
    await node.kill('SIGCONT')
    await aborted
    await stage.works(producer, 'after')
    assert.deepEqual(await stage.committed(), ['after', 'before'])
  })

  it('a broker that is killed during a transaction does not fail it', async () => {
    const stage = await stageFor('killed')
    const watch = new RequestWatch()
    await using producer = stage.producer({}, watch)
    await stage.works(producer, 'before')
    const transaction = await producer.beginTransaction()
    await transaction.send({ topic: stage.name, value: 'during 1' })
    const node = stage.kafka.node(1)
    await node.kill('SIGKILL')
    const sent = transaction.send({ topic: stage.name, value: 'during 2' })
    const commit = transaction.commit()
    await node.start()
    await sent
    await commit
    await stage.works(producer, 'after')
    assert.deepEqual(await stage.committed(), ['after', 'before', 'during 1', 'during 2'])
  })
}

// Most of it is waiting: for both at once.
describe('transactions on', { concurrency: 2 }, () => {
  describeOn({ version: '3.9.1', version2: false })
  describeOn({ version: '4.3.1', version2: true })
})
