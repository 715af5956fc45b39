// Layer 1: KafkaProducer.sendBatch in sync mode, which `millrace-batch` is the measure of.
import { BatchError, KafkaProducer } from '../../packages/millrace/dist/src/layers.js'
import { delivered, failed, inPieces, record, run } from './common.mjs'

const batchRecords = Number(process.env.BENCH_CHUNK || 0) || 2000
const batchesAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5

const use = (producer) => {
  const sendBatch = async (from, to) => {
    const messages = new Array(to - from)
    for (let index = from; index < to; index++) messages[index - from] = record(index)
    try {
      for (const metadata of await producer.sendBatch(messages)) delivered(metadata)
    } catch (error) {
      if (!(error instanceof BatchError)) throw error
      for (const failure of error.failures) failed(failure.error)
    }
  }
  return {
    one: async (index) => (await producer.sendBatch([record(index)]))[0],
    bulk: (from, to) => inPieces(from, to, batchRecords, batchesAtATime, sendBatch),
  }
}

await run(use, (options) => new KafkaProducer(options, { async: false }))
