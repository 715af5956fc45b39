// enqueue() with a callback for each record; where the load awaits single records, send().
import { delivered, failed, record, run } from './common.mjs'

await run((producer) => ({
  one: (index) => producer.send(record(index)),
  bulk: (from, to) =>
    new Promise((resolve, reject) => {
      let left = to - from
      const settled = (error, metadata) => {
        if (error) failed(error)
        else delivered(metadata)
        if (--left === 0) resolve()
      }
      const enqueueAll = async () => {
        for (let index = from; index < to; ) {
          if (producer.enqueue(record(index), settled)) index++
          else await producer.ready()
        }
      }
      enqueueAll().catch(reject)
    }),
}))
