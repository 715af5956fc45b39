// send() with a promise for each record, and each of them awaited.
import { delivered, failed, record, run } from './common.mjs'

const sendsAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5000
const sendsPerLook = 1000

await run((producer) => ({
  one: (index) => producer.send(record(index)),
  bulk: async (from, to) => {
    let next = from
    const worker = async () => {
      while (next < to) {
        try {
          delivered(await producer.send(record(next++)))
        } catch (error) {
          failed(error)
        }
      }
    }
    await Promise.all(Array.from({ length: sendsAtATime }, worker))
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
