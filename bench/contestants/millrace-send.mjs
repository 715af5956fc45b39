// send() with a promise for each record, and each of them awaited: many together with Promise.all,
// as one would for the records of an array.
import { delivered, failed, record, run } from './common.mjs'

const chunkRecords = Number(process.env.BENCH_CHUNK || 0) || 1000
const chunksAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5
const sendsPerLook = 1000

await run((producer) => ({
  one: (index) => producer.send(record(index)),
  bulk: async (from, to) => {
    let next = from
    const sendChunk = async () => {
      const end = Math.min(next + chunkRecords, to)
      const sends = []
      for (; next < end; next++) sends.push(producer.send(record(next)))
      try {
        for (const metadata of await Promise.all(sends)) delivered(metadata)
      } catch (error) {
        failed(error)
      }
    }
    const worker = async () => {
      while (next < to) await sendChunk()
    }
    await Promise.all(Array.from({ length: chunksAtATime }, worker))
  },
  // Nothing is awaited but room in the buffer, now and then.
  flood: (from, to) =>
    new Promise((resolve, reject) => {
      let left = to - from
      const settled = () => {
        if (--left === 0) resolve()
      }
      const succeeded = (metadata) => {
        delivered(metadata)
        settled()
      }
      const rejected = (error) => {
        failed(error)
        settled()
      }
      const sendAll = async () => {
        for (let index = from; index < to; index++) {
          producer.send(record(index)).then(succeeded, rejected)
          if (index % sendsPerLook === 0) await producer.ready()
        }
      }
      sendAll().catch(reject)
    }),
}))
