// The idiom of clients whose send() takes an array and returns one promise for all of it: arrays of
// records, several at a time. A flood sends each record for itself and looks after nothing, as such
// clients offer no backpressure.
import { failed, inPieces, record, task } from '../contestants/common.mjs'

const turnRecords = 1000

/**
 * `sendAll(records)` sends an array; `arrayRecords` and `arraysAtATime` were tuned for each client.
 */
export const sendArrays = ({ sendAll, arrayRecords, arraysAtATime, unawaitedMax = Infinity }) => ({
  one: async (index) => {
    await sendAll([record(index)])
    return { offset: 0, partition: 0 }
  },
  bulk: (from, to) =>
    inPieces(from, to, arrayRecords, arraysAtATime, (first, end) => {
      const records = Array.from({ length: end - first }, (_, at) => record(first + at))
      return sendAll(records).catch(failed)
    }),
  flood: (from, to) =>
    new Promise((resolve, reject) => {
      let left = to - from
      let unawaited = 0
      const settled = () => {
        unawaited--
        if (--left === 0) resolve()
      }
      const sendAllOfThem = async () => {
        for (let index = from; index < to; index++) {
          while (unawaited >= unawaitedMax) await new Promise(setImmediate)
          unawaited++
          sendAll([record(index)])
            .catch(failed)
            .then(settled)
          if (index % turnRecords === 0) await new Promise(setImmediate)
        }
      }
      sendAllOfThem().catch(reject)
    }),
})

/** What a client needs to know of the load beside the records. */
export const { brokers, topic, compression, idempotent, lingerMs } = task
