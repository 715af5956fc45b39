// Scenarios of the logs: what leaders take of a transaction, what readers see of it, and what it
// does to the offsets of a group.

import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { offsetFetchApi } from '../../src/protocol/api/09-offset-fetch.ts'
import { batchOf } from './in-process-cluster-kit.ts'
import { fetchFrom, untilAccepted } from './in-process-cluster-transaction-kit.ts'
import { errorNames, type Play, type Scenario, started } from './transaction-scenario.ts'

const committedOffset = async ({ wire, topic }: Play, groupId: string, requireStable: boolean) => {
  const response = await wire.run(
    wire.connect().request(offsetFetchApi, 7, {
      groupId,
      topics: [{ name: topic, partitionIndexes: [0] }],
      requireStable,
    }),
  )
  const { committedOffset: offset, errorCode } = response.topics[0]!.partitions[0]!
  return errorCode === 0 ? offset : errorNames(errorCode)[0]
}

const batches: Scenario[] = [
  {
    name: 'a transactional batch without a transactional id is rejected',
    run: async (play) => {
      const producer = await started(play)
      return errorNames(await producer.produce({ transactionalId: null }))
    },
    expected: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  },
  {
    name: 'a request with the batches of two producers is rejected as a whole',
    run: async (play) => {
      const { wire, topic } = play
      const producer = await started(play)
      const records = (producerEpoch: number): Uint8Array =>
        batchOf(1, {
          producerId: producer.producerId,
          producerEpoch,
          baseSequence: 0,
          transactional: true,
        })
      const response = await wire.run(
        wire.connect().request(produceApi, 11, {
          transactionalId: producer.id,
          acks: -1,
          timeoutMs: 1000,
          topicData: [
            {
              name: topic,
              partitionData: [
                { index: 0, records: records(producer.epoch) },
                { index: 1, records: records(producer.epoch + 1) },
              ],
            },
          ],
        }),
      )
      return errorNames(
        ...response.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode),
      )
    },
    expected: ['INVALID_PRODUCER_ID_MAPPING', 'INVALID_PRODUCER_ID_MAPPING'],
  },
  {
    name: 'a plain batch of a producer with an open transaction is rejected',
    run: async (play) => {
      const producer = await started(play)
      return errorNames(
        await producer.send(),
        await producer.produce({ transactional: false }),
        await producer.send(),
        await producer.end(true),
      )
    },
    expected: ['NONE', 'INVALID_TXN_STATE', 'NONE', 'NONE'],
  },
  {
    name: 'V1: sequences go on from one transaction to the next',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      await producer.send({ count: 3 })
      await producer.end(true)
      return errorNames(await producer.send({ sequence: 3 }), await producer.send({ sequence: 0 }))
    },
    expected: ['NONE', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  },
  {
    name: 'V1: after a sequence that is too low was rejected, the right one is rejected as well',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      await producer.send({ count: 3 })
      await producer.end(true)
      return errorNames(await producer.send({ sequence: 0 }), await producer.send({ sequence: 3 }))
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  },
  {
    name: 'V1: a producer that is not known in the partition may begin anywhere',
    mode: 1,
    run: async (play) => errorNames(await (await started(play)).send({ sequence: 5 })),
    expected: ['NONE'],
  },
  {
    name: 'V2: each transaction begins at sequence 0, in a partition never written to as well',
    mode: 2,
    run: async (play) => {
      const producer = await started(play)
      const codes = [await producer.send({ sequence: 5 }), await producer.send({ count: 3 })]
      await producer.end(true)
      codes.push(await producer.send({ sequence: 3 }), await producer.send({ sequence: 0 }))
      return errorNames(...codes)
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE', 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE'],
  },
  {
    name: 'V2: a batch behind one that was rejected is not taken in its place',
    mode: 2,
    run: async (play) => {
      const producer = await started(play)
      await producer.send({ count: 3 })
      await producer.end(true)
      const codes = [
        await producer.produce({ sequence: 4 }),
        await producer.produce({ sequence: 0 }),
      ]
      return errorNames(...codes)
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE'],
  },
  {
    name: 'a batch of an older epoch is rejected by the log, without a request to the coordinator',
    run: async (play) => {
      const producer = await started(play)
      await producer.send()
      const zombie = producer.twin()
      await producer.end(true)
      await producer.start({ expected: true })
      await producer.send({ sequence: 0 })
      return errorNames(await zombie.produce(), await zombie.produce({ transactional: false }))
    },
    expected: ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'],
  },
  {
    name: 'V1: after the end a late batch of the same epoch is rejected',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      await producer.send()
      await producer.end(false)
      return errorNames(await producer.produce(), await producer.send())
    },
    expected: ['TRANSACTION_ABORTABLE', 'NONE'],
  },
]

const readers: Scenario[] = [
  {
    name: 'the last stable offset is where the oldest open transaction begins',
    run: async (play) => {
      const { wire, topic } = play
      const [one, two] = [play.producer(`${topic}-one`), play.producer(`${topic}-two`)]
      await one.start()
      await two.start()
      const client = wire.connect()
      const seen: unknown[] = []
      const look = async (): Promise<void> => {
        const read = await fetchFrom(wire, client, { topic, isolationLevel: 1 })
        const { lastStableOffset, highWatermark, abortedTransactions } = read
        const aborted = abortedTransactions?.map(({ firstOffset }) => firstOffset).sort()
        seen.push([lastStableOffset, highWatermark, aborted])
      }
      await one.send({ count: 2 })
      await two.send({ count: 3 })
      await look()
      await one.end(true)
      await look()
      await one.send({ count: 1 })
      await two.end(false)
      await look()
      await one.end(false)
      await look()
      return seen
    },
    expected: [
      [0, 5, []],
      [2, 6, []],
      [6, 8, [2]],
      [9, 9, [2, 6]],
    ],
  },
  {
    name: 'for committed reading the log ends at its last stable offset, for any timestamp',
    run: async (play) => {
      const { wire, topic } = play
      const producer = await started(play)
      await producer.send()
      await producer.end(true)
      await producer.send({ count: 2 })
      const listOffset = async (isolationLevel: number, timestamp: number) => {
        const response = await wire.run(
          wire.connect().request(listOffsetsApi, 7, {
            replicaId: -1,
            isolationLevel,
            topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
          }),
        )
        return response.topics[0]!.partitions[0]!.offset
      }
      return [
        await listOffset(0, -1),
        await listOffset(1, -1),
        await listOffset(1, -2),
        await listOffset(1, 2 ** 42),
      ]
    },
    expected: [4, 2, 0, -1],
  },
  {
    name: 'a committed reader past the last stable offset gets nothing, and no error',
    run: async (play) => {
      const { wire, topic } = play
      const producer = await started(play)
      await producer.send({ count: 4 })
      const options = { topic, fetchOffset: 4, isolationLevel: 1 }
      const read = await fetchFrom(wire, wire.connect(), options)
      return [...errorNames(read.errorCode), read.records?.length, read.lastStableOffset]
    },
    expected: ['NONE', 0, 0],
  },
]

const offsets: Scenario[] = [
  {
    name: "a transaction's offsets count once it is committed, and are unstable until then",
    run: async (play) => {
      const producer = await started(play)
      const { groupId, mode } = producer
      if (mode === 1) await untilAccepted(() => producer.addOffsets())
      const codes = errorNames(await untilAccepted(() => producer.commitOffset(5)))
      const seen = [
        await committedOffset(play, groupId, false),
        await committedOffset(play, groupId, true),
      ]
      await producer.end(true)
      seen.push(await committedOffset(play, groupId, true))
      return [...codes, ...seen]
    },
    expected: ['NONE', -1, 'UNSTABLE_OFFSET_COMMIT', 5],
  },
  {
    name: "an aborted transaction's offsets are forgotten",
    run: async (play) => {
      const producer = await started(play)
      const { groupId, mode } = producer
      if (mode === 1) await untilAccepted(() => producer.addOffsets())
      await untilAccepted(() => producer.commitOffset(5))
      await producer.end(false)
      return committedOffset(play, groupId, true)
    },
    expected: -1,
  },
  {
    name: 'V1: offsets for a group that was not added are rejected, as each version knows how',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const early = [await producer.commitOffset(5, {}, 3), await producer.commitOffset(5, {}, 4)]
      await producer.send()
      return errorNames(...early, await producer.commitOffset(5))
    },
    expected: ['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'],
  },
  {
    name: 'offsets by a member of a group that there is not are of no generation',
    since4: true,
    run: async (play) => {
      const producer = await started(play)
      if (producer.mode === 1) await untilAccepted(() => producer.addOffsets())
      const more = { generationIdOrMemberEpoch: 3, memberId: 'm' }
      return errorNames(await untilAccepted(() => producer.commitOffset(5, more)))
    },
    expected: ['ILLEGAL_GENERATION'],
  },
  {
    name: 'in a group without members offsets are taken from who names no generation',
    run: async (play) => {
      const producer = await started(play)
      if (producer.mode === 1) await untilAccepted(() => producer.addOffsets())
      const more = { generationIdOrMemberEpoch: 3, memberId: 'm' }
      return errorNames(
        await untilAccepted(() => producer.commitOffset(5)),
        await producer.commitOffset(6, more),
        await producer.commitOffset(6, { groupInstanceId: 'i', memberId: 'm' }),
        await producer.commitOffset(6, { generationIdOrMemberEpoch: 0 }),
      )
    },
    expected: ['NONE', 'UNKNOWN_MEMBER_ID', 'NONE', 'UNKNOWN_MEMBER_ID'],
  },
  {
    name: "a zombie's offsets are rejected",
    run: async (play) => {
      const zombie = await started(play)
      const next = await started(play)
      if (next.mode === 1) await untilAccepted(() => next.addOffsets())
      const early = await zombie.commitOffset(5)
      await untilAccepted(() => next.commitOffset(5))
      return errorNames(early, await zombie.commitOffset(6), await zombie.addOffsets())
    },
    expected: ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'],
  },
  {
    name: 'offsets of an unknown partition are rejected by themselves',
    run: async (play) => {
      const producer = await started(play)
      const topics = [{ name: play.topic, partitions: [{ partitionIndex: 7, committedOffset: 1 }] }]
      return errorNames(await producer.commitOffset(5, { topics }))
    },
    expected: ['UNKNOWN_TOPIC_OR_PARTITION'],
  },
]

export const logScenarios: readonly Scenario[] = [...batches, ...readers, ...offsets]
