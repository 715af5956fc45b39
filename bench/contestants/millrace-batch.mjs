// sendBatch() with arrays of records, several at a time.
import { delivered, failed, inPieces, record, run } from './common.mjs'

const batchRecords = Number(process.env.BENCH_CHUNK || 0) || 2000
const batchesAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5

await run((producer) => {
  const sendBatch = async (from, to) => {
    const records = new Array(to - from)
    for (let index = from; index < to; index++) records[index - from] = record(index)
    const { results, failedIndexes } = await producer.sendBatch(records)
    for (const index of failedIndexes) failed(results[index])
    if (failedIndexes.length === 0) for (const metadata of results) delivered(metadata)
  }
  return {
    one: async (index) => {
      const { results } = await producer.sendBatch([record(index)])
      if (results[0] instanceof Error) throw results[0]
      return results[0]
    },
    bulk: (from, to) => inPieces(from, to, batchRecords, batchesAtATime, sendBatch),
  }
})
