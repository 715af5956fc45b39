// Layer 2: SyncProducer.sendMessage, which `millrace-send` is the measure of.
import { SyncProducer } from '../../packages/millrace/dist/src/index.js'
import { delivered, failed, record, run } from './common.mjs'

const sendsAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5000

const use = (producer) => {
  const one = (index) => {
    const { topic, key, value } = record(index)
    return producer.sendMessage({ topic, key }, value)
  }
  const send = async (index) => {
    try {
      delivered(await one(index))
    } catch (error) {
      failed(error)
    }
  }
  return {
    one,
    bulk: async (from, to) => {
      let next = from
      const worker = async () => {
        while (next < to) await send(next++)
      }
      await Promise.all(Array.from({ length: sendsAtATime }, worker))
    },
  }
}

await run(use, (options) => new SyncProducer(options))
