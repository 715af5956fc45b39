// send() with a promise for each record, and each of them awaited: many together with Promise.all,
// as one would for the records of an array.
import { delivered, failed, inPieces, record, run } from './common.mjs'

const chunkRecords = Number(process.env.BENCH_CHUNK || 0) || 1000
const chunksAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5
const sendsPerLook = 1000

await run((producer) => ({
  one: (index) => producer.send(record(index)),
  bulk: (from, to) =>
    inPieces(from, to, chunkRecords, chunksAtATime, async (first, end) => {
      const sends = []
      for (let index = first; index < end; index++) sends.push(producer.send(record(index)))
      try {
        for (const metadata of await Promise.all(sends)) delivered(metadata)
      } catch (error) {
        failed(error)
      }
    }),
  // Awaits only buffer space, now and then.
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
