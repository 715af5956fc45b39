// Layer 1: KafkaProducer in async mode, results by callback. With a linger it flushes by count and
// time.
import { KafkaProducer } from '../../packages/millrace/dist/src/layers.js'
import { record, run, task } from './common.mjs'
import { Results } from './layer-results.mjs'

const results = new Results()

const config = {
  batchSize: task.lingerMs > 0 ? 1000 : 1,
  batchTimeoutMs: task.lingerMs,
  onSuccess: (metadata, { key }) => results.succeeded(key, metadata),
  onError: (error, { key }) => results.failed(key, error),
}

const use = (producer) => ({
  one: (index) => {
    const message = record(index)
    return results.of(message.key, producer.send(message))
  },
  bulk: (from, to) =>
    results.all(to - from, async () => {
      for (let index = from; index < to; index++) await producer.send(record(index))
    }),
})

await run(use, (options) => new KafkaProducer(options, config))
