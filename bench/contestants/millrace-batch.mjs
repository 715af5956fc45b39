// sendBatch() with arrays of records, several at a time.
import { delivered, failed, inPieces, record, run } from './common.mjs'

const batchRecords = Number(process.env.BENCH_CHUNK || 0) || 5000
const batchesAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 8

const recordsOf = (from, to) => {
  const records = new Array(to - from)
  for (let index = from; index < to; index++) records[index - from] = record(index)
  return records
}

await run((producer) => {
  const sendBatch = async (from, to) => {
    const result = await producer.sendBatch(recordsOf(from, to))
    for (const index of result.failedIndexes) failed(result.error(index))
    for (let index = 0; index < result.count; index++) {
      if (!(result.offset(index) >= 0)) delivered(result.metadata(index))
    }
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
