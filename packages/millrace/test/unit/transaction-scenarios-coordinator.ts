// Scenarios of the coordinator: how producers start and end transactions, and add partitions to
// them.

import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { fetchFrom } from './in-process-cluster-transaction-kit.ts'
import { errorNames, type Scenario, started } from './transaction-scenario.ts'

const starts: Scenario[] = [
  {
    name: 'a producer that starts is rejected for a wrong id, timeout or half an identity',
    run: async ({ wire }) => {
      const client = wire.connect()
      const initProducerId = async (transactionalId: string, timeoutMs: number, epoch = -1) => {
        const response = await wire.run(
          client.request(initProducerIdApi, 4, {
            transactionalId,
            transactionTimeoutMs: timeoutMs,
            producerEpoch: epoch,
          }),
        )
        return response.errorCode
      }
      return errorNames(
        await initProducerId('', 1000),
        await initProducerId('x', 0),
        await initProducerId('x', 900_001),
        await initProducerId('x', 1000, 1),
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
        ...errorNames(await first.send(), await first.init({ expected: true })),
        ...errorNames(await first.init({ expected: true, version: 3 })),
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
      const rejected = await next.init()
      await next.start()
      const codes = errorNames(rejected, await zombie.produce(), await zombie.endOnce(true))
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
        ...errorNames(await oldest.init({ expected: true })),
      ]
    },
    expected: [1, 1, 2, 'PRODUCER_FENCED'],
  },
  {
    name: 'a producer that names another id is fenced',
    run: async (play) => {
      const producer = await started(play)
      producer.producerId = Number(producer.producerId) + 1_000_000
      return errorNames(await producer.init({ expected: true }))
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
      return [...errorNames(committed, aborted), producer.epoch - epoch]
    },
    expected: ['INVALID_TXN_STATE', 'INVALID_TXN_STATE', 0],
    expected2: ['INVALID_TXN_STATE', 'NONE', 1],
  },
  ...[true, false].map(
    (isCommit): Scenario => ({
      name: `after ${isCommit ? 'a commit' : 'an abort'} the same request gets the same response`,
      run: async (play) => {
        const producer = await started(play)
        await producer.send()
        const before = producer.twin()
        await producer.end(isCommit)
        const again = before.twin()
        const opposite = before.twin()
        return [
          ...errorNames(await again.endOnce(isCommit), await opposite.endOnce(!isCommit)),
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
        return [...errorNames(commit, abort), producer.epoch - epoch]
      },
      expected: ['INVALID_TXN_STATE', 'NONE', 1],
    }),
  ),
  {
    name: 'an end by another producer id, an older or a newer epoch is rejected',
    run: async (play) => {
      const producer = await started(play)
      await producer.start({ expected: true })
      await producer.send()
      const [other, older, newer] = [producer.twin(), producer.twin(), producer.twin()]
      other.producerId = Number(other.producerId) + 1_000_000
      older.epoch -= 1
      newer.epoch += 1
      const unknown = play.producer(`${producer.id}-unknown`)
      return errorNames(
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
      return [
        ...errorNames(...mixed),
        ...errorNames(...missing),
        ...errorNames(await producer.endOnce(true)),
      ]
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
      other.producerId = Number(other.producerId) + 1_000_000
      await producer.start({ expected: true })
      const unknown = play.producer(`${producer.id}-unknown`)
      const codes = [
        await producer.add(),
        await other.add(),
        await zombie.add(),
        await zombie.add([0], play.topic, 1),
        await unknown.add(),
      ]
      return errorNames(...codes.flat())
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
    name: 'V1: a batch for a partition that was not added is rejected, as each version knows how',
    mode: 1,
    run: async (play) => {
      const producer = await started(play)
      const empty = [
        await producer.produce({ version: 9 }),
        await producer.produce({ version: 11 }),
      ]
      await producer.send({ partition: 1 })
      return errorNames(...empty, await producer.produce({ version: 11 }))
    },
    expected: ['INVALID_TXN_STATE', 'TRANSACTION_ABORTABLE', 'TRANSACTION_ABORTABLE'],
  },
]

export const coordinatorScenarios: readonly Scenario[] = [...starts, ...ends, ...partitions]
