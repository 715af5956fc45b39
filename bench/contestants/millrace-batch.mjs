// sendBatch() with arrays of records, several at a time.
import { delivered, failed, record, run } from './common.mjs'

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
    bulk: async (from, to) => {
      let next = from
      const worker = async () => {
        while (next < to) {
          const first = next
          next = Math.min(first + batchRecords, to)
          await sendBatch(first, next)
        }
      }
      await Promise.all(Array.from({ length: batchesAtATime }, worker))
    },
  }
})
