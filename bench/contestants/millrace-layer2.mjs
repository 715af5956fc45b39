// Layer 2: AsyncProducer, results to a handler.
import { AsyncProducer } from '../../packages/millrace/dist/src/layers.js'
import { record, run } from './common.mjs'
import { Results } from './layer-results.mjs'

const results = new Results()

const handler = {
  handleSuccess: ({ key }, metadata) => results.succeeded(key, metadata),
  handleError: (error, { key }) => results.failed(key, error),
}

const use = (producer) => ({
  one: (index) => {
    const { topic, key, value } = record(index)
    return results.of(key, producer.sendMessage({ topic, key }, value))
  },
  bulk: (from, to) =>
    results.all(to - from, async () => {
      for (let index = from; index < to; index++) {
        const { topic, key, value } = record(index)
        await producer.sendMessage({ topic, key }, value)
      }
    }),
})

await run(use, (options) => new AsyncProducer(options, handler))
