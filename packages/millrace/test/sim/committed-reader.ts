// Reads topics as a consumer with isolation.level=read_committed does: over the wire, in virtual
// time, to the end as it is.

import { decodeFetched } from '../../src/protocol/records/fetched-batches.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import type { VirtualClock } from '../../src/runtime/virtual-clock.ts'
import { listOffsetsTimestamp, ReaderCluster } from '../../src/testing/reader-cluster.ts'
import { idOf } from './ledger.ts'
import type { SeenRecord } from './transaction-checks.ts'

export const readCommitted = async (
  topics: readonly string[],
  brokers: readonly string[],
  clock: VirtualClock,
  transport: Transport,
): Promise<SeenRecord[]> => {
  const seen: SeenRecord[] = []
  for (const topic of topics) {
    const cluster = new ReaderCluster(brokers, topic, 'read_committed', {
      clock,
      transport,
      clientId: 'reader',
      connectTimeoutMs: 1000,
      requestTimeoutMs: 5000,
      maxResponseBytes: 64 * 1024 * 1024,
    })
    await cluster.loadLayout()
    const ends = await cluster.listOffsets(listOffsetsTimestamp.end)
    const spans = [...ends].map(([partition, end]) => ({ partition, end, position: 0 }))
    for (;;) {
      const open = spans.filter(({ position, end }) => position < end)
      if (open.length === 0) break
      for (const nodeId of cluster.leaders) {
        for (const { partition, records, abortedTransactions } of await cluster.fetch(
          nodeId,
          open,
        )) {
          const span = spans.find((each) => each.partition === partition)!
          if (records === null) continue
          const { position, end } = span
          for (const batch of decodeFetched(
            partition,
            records,
            position,
            end,
            abortedTransactions,
          )) {
            span.position = batch.nextOffset
            for (const record of batch.records) {
              seen.push({ id: idOf(record), topic, partition, offset: record.offset })
            }
          }
        }
      }
    }
    cluster.close()
  }
  return seen
}
