// Layer 1: KafkaProducer in async mode, results by callback. With a linger it flushes by count and
// time.
import { KafkaProducer } from '../../packages/millrace/dist/src/index.js'
import { failed, record, run, task } from './common.mjs'
import { Results } from './layer-results.mjs'

const results = new Results()

const config = {
  batchSize: task.lingerMs > 0 ? 1000 : 1,
  batchTimeoutMs: task.lingerMs,
  onSuccess: (metadata, { key }) => results.succeeded(key, metadata),
  onError: (error, { key }) => results.failed(key, error),
}

const use = (producer) => {
  const send = (index) => {
    const message = record(index)
    return { key: message.key, taken: producer.send(message) }
  }
  return {
    one: (index) => results.of(send(index)),
    bulk: (from, to) =>
      results.all(to - from, async () => {
        for (let index = from; index < to; index++) await send(index).taken.catch(failed)
      }),
  }
}

await run(use, (options) => new KafkaProducer(options, config))
