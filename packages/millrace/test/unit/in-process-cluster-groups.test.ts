// Consumer groups of the classic protocol in the in-process cluster, spoken by hand.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { offsetCommitApi } from '../../src/protocol/api/08-offset-commit.ts'
import { offsetFetchApi } from '../../src/protocol/api/09-offset-fetch.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { type JoinGroupRequest, joinGroupApi } from '../../src/protocol/api/11-join-group.ts'
import { heartbeatApi } from '../../src/protocol/api/12-heartbeat.ts'
import { leaveGroupApi } from '../../src/protocol/api/13-leave-group.ts'
import { syncGroupApi } from '../../src/protocol/api/14-sync-group.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { Input } from '../../src/protocol/schema/api.ts'
import { onStage, type RawClient, type Stage } from './in-process-cluster-kit.ts'

const joinWish = (
  memberId: string,
  more: Input<JoinGroupRequest> = {},
): Input<JoinGroupRequest> => ({
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  memberId,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('meta') }],
  ...more,
})

const join = (client: RawClient, memberId: string, more: Input<JoinGroupRequest> = {}) =>
  client.request(joinGroupApi, 7, joinWish(memberId, more))

const heartbeat = async (client: RawClient, memberId: string, generationId: number) =>
  (await client.request(heartbeatApi, 4, { groupId: 'g', memberId, generationId })).errorCode

/** Requests an id first, as clients must since JoinGroup 4. */
const idOf = async ({ run }: Stage, client: RawClient): Promise<string> => {
  const rejected = await run(join(client, ''))
  assert.equal(rejected.errorCode, errorNumber.MEMBER_ID_REQUIRED)
  return rejected.memberId
}

const sync = (client: RawClient, memberId: string, generationId: number, ids: string[] = []) =>
  client.request(syncGroupApi, 5, {
    groupId: 'g',
    memberId,
    generationId,
    assignments: ids.map((id) => ({ memberId: id, assignment: Buffer.from(`for ${id}`) })),
  })

test('a single member leads, assigns itself, and has no rebalance', () =>
  onStage({}, async (stage) => {
    const { connect, run } = stage
    const client = connect()
    const id = await idOf(stage, client)
    const joined = await run(join(client, id))
    assert.deepEqual(
      [joined.errorCode, joined.generationId, joined.leader, joined.protocolName],
      [0, 1, id, 'range'],
    )
    assert.deepEqual(
      joined.members.map(({ memberId }) => memberId),
      [id],
    )
    const { assignment } = await run(sync(client, id, 1, [id]))
    assert.equal(Buffer.from(assignment).toString(), `for ${id}`)
    assert.equal(await run(heartbeat(client, id, 1)), 0)
  }))

test('a second member makes the first join again; the leader assigns to both', () =>
  onStage({}, async (stage) => {
    const { connect, run, clock } = stage
    const [a, b] = [connect(), connect()]
    const idA = await idOf(stage, a)
    await run(join(a, idA))
    await run(sync(a, idA, 1, [idA]))
    const idB = await idOf(stage, b)
    const joinB = join(b, idB)
    await clock.advance(10)
    assert.equal(b.waiting, 1)
    assert.equal(await run(heartbeat(a, idA, 1)), errorNumber.REBALANCE_IN_PROGRESS)
    const [joinedA, joinedB] = await run(Promise.all([join(a, idA), joinB]))
    assert.deepEqual([joinedA.generationId, joinedB.generationId], [2, 2])
    assert.deepEqual([joinedA.members.length, joinedB.members.length], [2, 0])
    const syncB = sync(b, idB, 2)
    await clock.advance(10)
    assert.equal(b.waiting, 1)
    await run(sync(a, idA, 2, [idA, idB]))
    assert.equal(Buffer.from((await run(syncB)).assignment).toString(), `for ${idB}`)
    assert.equal(await run(heartbeat(a, idA, 1)), errorNumber.ILLEGAL_GENERATION)
  }))

test('a silent member is removed after its session timeout, one that leaves at once', () =>
  onStage({}, async (stage) => {
    const { connect, run, clock } = stage
    const client = connect()
    const first = await idOf(stage, client)
    await run(join(client, first))
    await run(sync(client, first, 1, [first]))
    await clock.advance(9_000)
    assert.equal(await run(heartbeat(client, first, 1)), 0)
    await clock.advance(9_999)
    assert.equal(await run(heartbeat(client, first, 1)), 0)
    await clock.advance(10_001)
    assert.equal(await run(heartbeat(client, first, 1)), errorNumber.UNKNOWN_MEMBER_ID)
    const second = await idOf(stage, client)
    const { generationId } = await run(join(client, second))
    const members = [{ memberId: second }, { memberId: 'missing' }]
    const left = await run(client.request(leaveGroupApi, 4, { groupId: 'g', members }))
    assert.deepEqual(
      left.members.map(({ errorCode }) => errorCode),
      [0, errorNumber.UNKNOWN_MEMBER_ID],
    )
    const code = await run(heartbeat(client, second, generationId))
    assert.equal(code, errorNumber.UNKNOWN_MEMBER_ID)
  }))

test('a member that does not join again in time is removed', () =>
  onStage({}, async (stage) => {
    const { connect, run, clock } = stage
    const [a, b] = [connect(), connect()]
    const session = { sessionTimeoutMs: 100_000 }
    const idA = await idOf(stage, a)
    await run(join(a, idA, session))
    await run(sync(a, idA, 1, [idA]))
    const idB = await idOf(stage, b)
    const start = clock.now()
    const joined = await run(join(b, idB))
    assert.equal(clock.now() - start, 30_000)
    assert.deepEqual([joined.leader, joined.members.length], [idB, 1])
    assert.equal(await run(heartbeat(a, idA, 2)), errorNumber.UNKNOWN_MEMBER_ID)
  }))

test('a client that disconnects while its join waits delays no other member', () =>
  onStage({}, async (stage) => {
    const { connect, run, clock } = stage
    const [a, b, c] = [connect(), connect(), connect()]
    const idA = await idOf(stage, a)
    await run(join(a, idA))
    await run(sync(a, idA, 1, [idA]))
    const idB = await idOf(stage, b)
    join(b, idB).catch(() => {})
    await clock.advance(10)
    b.close()
    await run(b.closed)
    const again = await run(join(a, idA))
    assert.equal(again.members.length, 1)
    const idC = await idOf(stage, c)
    const both = await run(Promise.all([join(c, idC), join(a, idA)]))
    assert.equal(both[1].members.length, 2)
  }))

test('a waiting join survives the end of the connection of an earlier join', () =>
  onStage({}, async (stage) => {
    const { connect, run, clock } = stage
    const [early, late, other] = [connect(), connect(), connect()]
    const id = await idOf(stage, early)
    const otherId = await idOf(stage, other)
    await run(join(early, id))
    await run(sync(early, id, 1, [id]))
    const wait = join(other, otherId)
    await clock.advance(10)
    await run(Promise.all([join(early, id), wait]))
    await run(sync(late, id, 2, [id, otherId]))
    const rejoin = join(late, id, { protocols: [{ name: 'range', metadata: Buffer.from('new') }] })
    await clock.advance(10)
    early.close()
    await run(early.closed)
    await clock.advance(10)
    assert.equal(late.waiting, 1, 'it still waits for the other member')
    const [joined] = await run(Promise.all([rejoin, join(other, otherId)]))
    assert.equal(joined.members.length, 2)
  }))

test('a member without a protocol in common is INCONSISTENT_GROUP_PROTOCOL', () =>
  onStage({}, async (stage) => {
    const { connect, run } = stage
    const [a, b] = [connect(), connect()]
    await run(join(a, await idOf(stage, a)))
    const protocols = [{ name: 'sticky', metadata: Buffer.alloc(0) }]
    const rejected = await run(join(b, await idOf(stage, b), { protocols }))
    assert.equal(rejected.errorCode, errorNumber.INCONSISTENT_GROUP_PROTOCOL)
  }))

test('a static member that starts again replaces its earlier instance', () =>
  onStage({}, async ({ connect, run, clock }) => {
    const [a, b] = [connect(), connect()]
    const instance = { groupInstanceId: 'i1' }
    const before = await run(join(a, '', instance))
    await run(sync(a, before.memberId, 1, [before.memberId]))
    const after = await run(join(b, '', instance))
    assert.deepEqual(
      [after.members.length, clock.now()],
      [1, 0],
      'neither member waited for the other',
    )
    assert.notEqual(after.memberId, before.memberId)
    const code = await run(heartbeat(a, before.memberId, after.generationId))
    assert.equal(code, errorNumber.UNKNOWN_MEMBER_ID)
  }))

test('only the coordinator of a group responds for it', () =>
  onStage({ nodes: 3 }, async (stage) => {
    const { connect, run } = stage
    const found = await run(
      connect(1).request(findCoordinatorApi, 4, { keyType: 0, coordinatorKeys: ['g'] }),
    )
    const { nodeId } = found.coordinators[0]!
    const other = (nodeId % 3) + 1
    const rejected = await run(join(connect(other), ''))
    assert.equal(rejected.errorCode, errorNumber.NOT_COORDINATOR)
    await idOf(stage, connect(nodeId))
  }))

const commit = async (
  client: RawClient,
  committedOffset: number,
  member: { memberId?: string; generationIdOrMemberEpoch?: number } = {},
  topic = 'orders',
) => {
  const partitions = [{ partitionIndex: 1, committedOffset, committedMetadata: 'note' }]
  const topics = [{ name: topic, partitions }]
  const response = await client.request(offsetCommitApi, 8, { groupId: 'g', ...member, topics })
  return response.topics[0]!.partitions[0]!.errorCode
}

test('offsets are committed by members of the round, and by others while the group is empty', () =>
  onStage({ topics: { orders: 2 } }, async (stage) => {
    const { connect, run } = stage
    const client = connect()
    assert.equal(await run(commit(client, 5)), 0)
    const unknown = errorNumber.UNKNOWN_TOPIC_OR_PARTITION
    assert.equal(await run(commit(client, 5, {}, 'nope')), unknown)
    const memberId = await idOf(stage, client)
    await run(join(client, memberId))
    const member = { memberId, generationIdOrMemberEpoch: 1 }
    assert.equal(await run(commit(client, 6, member)), errorNumber.REBALANCE_IN_PROGRESS)
    await run(sync(client, memberId, 1, [memberId]))
    assert.equal(await run(commit(client, 7, member)), 0)
    const late = { memberId, generationIdOrMemberEpoch: 0 }
    assert.equal(await run(commit(client, 8, late)), errorNumber.ILLEGAL_GENERATION)
    assert.equal(await run(commit(client, 8)), errorNumber.UNKNOWN_MEMBER_ID)
    const topics = [{ name: 'orders', partitionIndexes: [0, 1] }]
    const one = await run(client.request(offsetFetchApi, 7, { groupId: 'g', topics }))
    assert.deepEqual(
      one.topics[0]?.partitions.map(({ committedOffset, metadata }) => [committedOffset, metadata]),
      [
        [-1, ''],
        [7, 'note'],
      ],
    )
    const groups = [{ groupId: 'g', topics: null }]
    const all = await run(client.request(offsetFetchApi, 9, { groups }))
    assert.deepEqual(
      stage.cluster
        .committedOffsets('g')
        .map(({ topic, partition, offset }) => [topic, partition, offset]),
      [['orders', 1, 7]],
    )
    assert.deepEqual(
      all.groups[0]?.topics.map(({ name, partitions }) => [name, partitions.length]),
      [['orders', 1]],
    )
  }))
