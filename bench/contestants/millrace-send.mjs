// send() with a promise for each record, and each of them awaited.
import { delivered, failed, record, run } from './common.mjs'

const sendsAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5000
const sendsPerLook = 1000

await run((producer) => {
  const send = async (index) => {
    try {
      delivered(await producer.send(record(index)))
    } catch (error) {
      failed(error)
    }
  }
  return {
    one: (index) => producer.send(record(index)),
    bulk: async (from, to) => {
      let next = from
      const worker = async () => {
        while (next < to) await send(next++)
      }
      await Promise.all(Array.from({ length: sendsAtATime }, worker))
    },
    flood: (from, to) =>
      new Promise((resolve, reject) => {
        let left = to - from
        const settled = () => {
          if (--left === 0) resolve()
        }
        const sendAll = async () => {
          for (let index = from; index < to; index++) {
            send(index).then(settled)
            if (index % sendsPerLook === 0) await producer.ready()
          }
        }
        sendAll().catch(reject)
      }),
  }
})
