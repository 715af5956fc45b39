// What Kafka answers to a transactional producer, case by case: each scenario is played by hand on the
// wire and says what must come back. unit/broker-transaction-rules.test.ts plays them on our cluster,
// kafka/broker-transactions.test.ts the same ones on real brokers: what is expected here is not ours
// to choose. Each has a topic of two partitions, a transactional id and a group of its own.

import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { offsetFetchApi } from '../../src/protocol/api/09-offset-fetch.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import {
  fetchFrom,
  type Mode,
  patiently,
  type Wire,
  type WireProducer,
} from './broker-transaction-kit.ts'

export interface Play {
  readonly wire: Wire
  readonly mode: Mode
  readonly topic: string
  /** A producer that has not started. */
  producer(id?: string): WireProducer
}

export interface Scenario {
  readonly name: string
  /** In one mode only; both by default. */
  readonly mode?: Mode
  /** Releases before 4.0 answer otherwise. */
  readonly since4?: boolean
  run(play: Play): Promise<unknown>
  readonly expected: unknown
  /** Where the modes differ: under transaction.version 2. */
  readonly expected2?: unknown
}

const names = new Map<number, string>(
  Object.entries(errorNumber).map(([name, code]) => [code, name]),
)

/** Numbers as Kafka's names. */
const told = (...codes: readonly number[]): string[] =>
  codes.map((code) => names.get(code) ?? String(code))

const started = (play: Play): Promise<WireProducer> => play.producer().start()

const committedOffset = async ({ wire, topic }: Play, groupId: string, requireStable: boolean) => {
  const answer = await wire.run(
    wire.connect().request(offsetFetchApi, 7, {
      groupId,
      topics: [{ name: topic, partitionIndexes: [0] }],
      requireStable,
    }),
  )
  const { committedOffset: offset, errorCode } = answer.topics[0]!.partitions[0]!
  return errorCode === 0 ? offset : told(errorCode)[0]
}

const starts: Scenario[] = [
  {
    name: 'a producer that starts is refused for a wrong id, timeout or half an identity',
    run: async ({ wire }) => {
      const client = wire.connect()
      const ask = async (transactionalId: string, timeoutMs: number, epoch = -1) => {
        const answer = await wire.run(
          client.request(initProducerIdApi, 4, {
            transactionalId,
            transactionTimeoutMs: timeoutMs,
            producerEpoch: epoch,
          }),
        )
        return answer.errorCode
      }
      return told(
        await ask('', 1000),
        await ask('x', 0),
        await ask('x', 900_001),
        await ask('x', 1000, 1),
      )
    },
    expected: [
      'INVALID_REQUEST',
      'INVALID_TRANSACTION_TIMEOUT',
      'INVALID_TRANSACTION_TIMEOUT',
      'INVALID_REQUEST',
    ],
  },
  {
    name: 'each start raises the epoch by one and fences the producer before',
    run: async (play) => {
      const first = await started(play)
      const second = await started(play)
      return [
        second.producerId === first.producerId,
        second.epoch - first.epoch,
        ...told(await first.send(), await first.init({ expected: true })),
        ...told(await first.init({ expected: true, version: 3 })),
      ]
    },
    expected: [true, 1, 'PRODUCER_FENCED', 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
    expected2: [true, 1, 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'],
  },
  {
    name: 'a start over an open transaction aborts it first, and the second attempt succeeds',
    run: async (play) => {
      const zombie = await started(play)
      await zombie.send({ count: 2 })
      const next = play.producer()
      const refused = await next.init()
      await next.start()
      const codes = told(refused, await zombie.produce(), await zombie.endOnce(true))
      const committed = { topic: play.topic, isolationLevel: 1 }
      const read = await fetchFrom(play.wire, play.wire.connect(), committed)
      return [...codes, next.epoch - zombie.epoch, read.abortedTransactions?.length]
    },
    expected: ['CONCURRENT_TRANSACTIONS', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 2, 1],
  },
  {
    name: 'a producer that names itself gets the next epoch, and the same one for the same call',
    run: async (play) => {
      const producer = await started(play)
      const before = producer.twin()
      const oldest = producer.twin()
      await producer.start({ expected: true })
      await before.start({ expected: true })
      const same = [before.epoch - oldest.epoch, producer.epoch - oldest.epoch]
      await producer.start({ expected: true })
      return [
        ...same,
        producer.epoch - oldest.epoch,
        ...told(await oldest.init({ expected: true })),
      ]
    },
    expected: [1, 1, 2, 'PRODUCER_FENCED'],
  },
  {
    name: 'a producer that names another id is fenced',
    run: async (play) => {
      const producer = await started(play)
      producer.producerId += 1_000_000
      return told(await producer.init({ expected: true }))
    },
    expected: ['PRODUCER_FENCED'],
  },
]

const ends: Scenario[] = [
  {
    name: 'a transaction that is empty can not be committed, and only under V2 be aborted',
    run: async (play) => {
      const producer = await started(play)
      const { epoch } = producer
      const committed = await producer.endOnce(true)
      const aborted = await producer.endOnce(false)
      return [...told(committed, aborted), producer.epoch - epoch]
    },
    expected: ['INVALID_TXN_STATE', 'INVALID_TXN_STATE', 0],
    expected2: ['INVALID_TXN_STATE', 'NONE', 1],
  },
  ...[true, false].map(
    (isCommit): Scenario => ({
      name: `after ${isCommit ? 'a commit' : 'an abort'} the same request is answered as before`,
      run: async (play) => {
        const producer = await started(play)
        await producer.send()
        const before = producer.twin()
        await producer.end(isCommit)
        const again = before.twin()
        const opposite = before.twin()
        return [
          ...told(await again.endOnce(isCommit), await opposite.endOnce(!isCommit)),
          producer.epoch - before.epoch,
          again.epoch - before.epoch,
        ]
      },
      expected: ['NONE', 'INVALID_TXN_STATE', 0, 0],
      expected2: ['NONE', 'INVALID_TXN_STATE', 1, 1],
    }),
  ),
  ...[true, false].map(
    (isCommit): Scenario => ({
      name: `V2: after ${isCommit ? 'a commit' : 'an abort'} only an abort begins and ends anew`,
      mode: 2,
      run: async (play) => {
        const producer = await started(play)
        await producer.send()
        await producer.end(isCommit)
        const { epoch } = producer
        const commit = await producer.endOnce(true)
        const abort = await producer.end(false)
        return [...told(commit, abort), producer.epoch - epoch]
      },
      expected: ['INVALID_TXN_STATE', 'NONE', 1],
    }),
  ),
  {
    name: 'an end by another producer id, an older or a newer epoch is refused',
    run: async (play) => {
      const producer = await started(play)
      await producer.start({ expected: true })
      await producer.send()
      const [other, older, newer] = [producer.twin(), producer.twin(), producer.twin()]
      other.producerId += 1_000_000
      older.epoch -= 1
      newer.epoch += 1
      const unknown = play.producer(`${producer.id}-unknown`)
      return told(
        await other.endOnce(true),
        await older.endOnce(true),
        await older.endOnce(true, 1),
        await newer.endOnce(true),
        await unknown.endOnce(true),
        await producer.end(true),
      )
    },
    expected: [
      'INVALID_PRODUCER_ID_MAPPING',
      'PRODUCER_FENCED',
      'INVALID_PRODUCER_EPOCH',
      'PRODUCER_FENCED',
      'INVALID_PRODUCER_ID_MAPPING',
      'NONE',
    ],
  },
]

const partitions: Scenario[] = [
  {
    name: 'with an unknown topic or partition none is added',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const mixed = await producer.add([0, 7])
      const missing = await producer.add([0], `${play.topic}-missing`)
      return [...told(...mixed), ...told(...missing), ...told(await producer.endOnce(true))]
    },
    expected: [
      'OPERATION_NOT_ATTEMPTED',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'UNKNOWN_TOPIC_OR_PARTITION',
      'INVALID_TXN_STATE',
    ],
  },
  {
    name: 'partitions are added only for the producer of now',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const [other, zombie] = [producer.twin(), producer.twin()]
      other.producerId += 1_000_000
      await producer.start({ expected: true })
      const unknown = play.producer(`${producer.id}-unknown`)
      const codes = [
        await producer.add(),
        await other.add(),
        await zombie.add(),
        await zombie.add([0], play.topic, 1),
        await unknown.add(),
      ]
      return told(...codes.flat())
    },
    expected: [
      'NONE',
      'INVALID_PRODUCER_ID_MAPPING',
      'PRODUCER_FENCED',
      'INVALID_PRODUCER_EPOCH',
      'INVALID_PRODUCER_ID_MAPPING',
    ],
  },
  {
    name: 'V1: a batch for a partition that was not added is refused, as each version knows how',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const empty = [
        await producer.produce({ version: 9 }),
        await producer.produce({ version: 11 }),
      ]
      await producer.send({ partition: 1 })
      return told(...empty, await producer.produce({ version: 11 }))
    },
    expected: ['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'],
  },
]

const batches: Scenario[] = [
  {
    name: 'a transactional batch without a transactional id is refused',
    run: async (play) => {
      const producer = await started(play)
      return told(await producer.produce({ transactionalId: null }))
    },
    expected: ['TRANSACTIONAL_ID_AUTHORIZATION_FAILED'],
  },
  {
    name: 'a plain batch of a producer with an open transaction is refused',
    run: async (play) => {
      const producer = await started(play)
      return told(
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
      return told(await producer.send({ sequence: 3 }), await producer.send({ sequence: 0 }))
    },
    expected: ['NONE', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  },
  {
    name: 'V1: after a sequence that is too low was refused, the right one is refused as well',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      await producer.send({ count: 3 })
      await producer.end(true)
      return told(await producer.send({ sequence: 0 }), await producer.send({ sequence: 3 }))
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'OUT_OF_ORDER_SEQUENCE_NUMBER'],
  },
  {
    name: 'V1: a producer that is not known in the partition may begin anywhere',
    mode: 1,
    run: async (play) => told(await (await started(play)).send({ sequence: 5 })),
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
      return told(...codes)
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE', 'OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE'],
  },
  {
    name: 'V2: a batch behind one that was refused is not taken in its place',
    mode: 2,
    run: async (play) => {
      const producer = await started(play)
      await producer.send({ count: 3 })
      await producer.end(true)
      const codes = [
        await producer.produce({ sequence: 4 }),
        await producer.produce({ sequence: 0 }),
      ]
      return told(...codes)
    },
    expected: ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'NONE'],
  },
  {
    name: 'a batch of an older epoch is refused by the log, also where the coordinator is not asked',
    run: async (play) => {
      const producer = await started(play)
      await producer.send()
      const zombie = producer.twin()
      await producer.end(true)
      await producer.start({ expected: true })
      await producer.send({ sequence: 0 })
      return told(await zombie.produce(), await zombie.produce({ transactional: false }))
    },
    expected: ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH'],
  },
  {
    name: 'V1: after the end a late batch of the same epoch is refused',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      await producer.send()
      await producer.end(false)
      return told(await producer.produce(), await producer.send())
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
    name: 'for committed reading the log ends at its last stable offset, at any time asked for',
    run: async (play) => {
      const { wire, topic } = play
      const producer = await started(play)
      await producer.send()
      await producer.end(true)
      await producer.send({ count: 2 })
      const ask = async (isolationLevel: number, timestamp: number) => {
        const answer = await wire.run(
          wire.connect().request(listOffsetsApi, 7, {
            replicaId: -1,
            isolationLevel,
            topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }],
          }),
        )
        return answer.topics[0]!.partitions[0]!.offset
      }
      return [await ask(0, -1), await ask(1, -1), await ask(1, -2), await ask(1, 2 ** 42)]
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
      return [...told(read.errorCode), read.records?.length, read.lastStableOffset]
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
      if (mode === 1) await patiently(() => producer.addOffsets())
      const codes = told(await patiently(() => producer.commitOffset(5)))
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
      if (mode === 1) await patiently(() => producer.addOffsets())
      await patiently(() => producer.commitOffset(5))
      await producer.end(false)
      return committedOffset(play, groupId, true)
    },
    expected: -1,
  },
  {
    name: 'V1: offsets for a group that was not added are refused, as each version knows how',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const early = [await producer.commitOffset(5, {}, 3), await producer.commitOffset(5, {}, 4)]
      await producer.send()
      return told(...early, await producer.commitOffset(5))
    },
    expected: ['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'],
  },
  {
    name: 'offsets by a member of a group that there is not are of no generation',
    since4: true,
    run: async (play) => {
      const producer = await started(play)
      if (producer.mode === 1) await patiently(() => producer.addOffsets())
      const more = { generationIdOrMemberEpoch: 3, memberId: 'm' }
      return told(await patiently(() => producer.commitOffset(5, more)))
    },
    expected: ['ILLEGAL_GENERATION'],
  },
  {
    name: 'in a group without members offsets are taken from who names no generation',
    run: async (play) => {
      const producer = await started(play)
      if (producer.mode === 1) await patiently(() => producer.addOffsets())
      const more = { generationIdOrMemberEpoch: 3, memberId: 'm' }
      return told(
        await patiently(() => producer.commitOffset(5)),
        await producer.commitOffset(6, more),
        await producer.commitOffset(6, { groupInstanceId: 'i', memberId: 'm' }),
        await producer.commitOffset(6, { generationIdOrMemberEpoch: 0 }),
      )
    },
    expected: ['NONE', 'UNKNOWN_MEMBER_ID', 'NONE', 'UNKNOWN_MEMBER_ID'],
  },
  {
    name: "a zombie's offsets are refused",
    run: async (play) => {
      const zombie = await started(play)
      const next = await started(play)
      if (next.mode === 1) await patiently(() => next.addOffsets())
      const early = await zombie.commitOffset(5)
      await patiently(() => next.commitOffset(5))
      return told(early, await zombie.commitOffset(6), await zombie.addOffsets())
    },
    expected: ['INVALID_PRODUCER_EPOCH', 'INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'],
  },
  {
    name: 'offsets of an unknown partition are refused by themselves',
    run: async (play) => {
      const producer = await started(play)
      const topics = [{ name: play.topic, partitions: [{ partitionIndex: 7, committedOffset: 1 }] }]
      return told(await producer.commitOffset(5, { topics }))
    },
    expected: ['UNKNOWN_TOPIC_OR_PARTITION'],
  },
]

export const scenarios: readonly Scenario[] = [
  ...starts,
  ...ends,
  ...partitions,
  ...batches,
  ...readers,
  ...offsets,
]

/** What the scenario has to come to. */
export const expectedOf = ({ expected, expected2 }: Scenario, mode: Mode): unknown =>
  mode === 2 && expected2 !== undefined ? expected2 : expected
