// Layer 2: AsyncProducer, results to a handler.
import { AsyncProducer } from '../../packages/millrace/dist/src/index.js'
import { failed, record, run } from './common.mjs'
import { Results } from './layer-results.mjs'

const results = new Results()

const handler = {
  handleSuccess: ({ key }, metadata) => results.succeeded(key, metadata),
  handleError: (error, { key }) => results.failed(key, error),
}

const use = (producer) => {
  const send = (index) => {
    const { topic, key, value } = record(index)
    return { key, taken: producer.sendMessage({ topic, key }, value) }
  }
  return {
    one: (index) => results.of(send(index)),
    bulk: (from, to) =>
      results.all(to - from, async () => {
        for (let index = from; index < to; index++) await send(index).taken.catch(failed)
      }),
  }
}

await run(use, (options) => new AsyncProducer(options, handler))
