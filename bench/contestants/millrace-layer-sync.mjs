// Layer 2: SyncProducer.sendMessage, which `millrace-send` is the measure of.
import { SyncProducer } from '../../packages/millrace/dist/src/layers.js'
import { delivered, failed, record, run } from './common.mjs'

const sendsAtATime = Number(process.env.BENCH_INFLIGHT || 0) || 5000

const use = (producer) => {
  const one = (index) => {
    const { topic, key, value } = record(index)
    return producer.sendMessage({ topic, key }, value)
  }
  return {
    one,
    bulk: async (from, to) => {
      let next = from
      const worker = async () => {
        while (next < to) {
          try {
            delivered(await one(next++))
          } catch (error) {
            failed(error)
          }
        }
      }
      await Promise.all(Array.from({ length: sendsAtATime }, worker))
    },
  }
}

await run(use, (options) => new SyncProducer(options))
