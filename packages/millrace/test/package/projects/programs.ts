// The program that most projects have, as a module of TypeScript or JavaScript: it sends with each
// codec to the cluster that the environment names, and to one that it starts in its own process.

const body = (typed: boolean): string => `
const codecs = ['none', 'gzip', 'snappy', 'lz4', 'zstd']${typed ? ' as const' : ''}

const send = async (brokers${typed ? ': string | string[]' : ''}) => {
  for (const compression of codecs) {
    const producer = new Producer({ brokers, compression })
    try {
      await producer.send({ topic: 'orders', key: compression, value: 'x'.repeat(1_000) })
    } finally {
      await producer.close()
    }
  }
}

const isRejected = () => {
  try {
    new Producer({ brokers: [] })
  } catch (error) {
    return error instanceof KafkaError && error instanceof Error && error.code === 'INVALID_OPTION'
  }
  return false
}

const unreachable = async () => {
  const producer = new Producer({ brokers: '127.0.0.1:1', onError: () => {} })
  try {
    await producer.connect({ timeoutMs: 1_000 })
  } catch (error) {
    return error instanceof KafkaError ? error.message : String(error)
  } finally {
    await producer.close({ timeoutMs: 0 })
  }
  return ''
}
`

const sendAll = (typed: boolean): string => `async ()${typed ? ': Promise<number>' : ''} => {
  const cluster = await startCluster({ topics: { orders: 1 } })
  try {
    await send(cluster.brokers)
    await send(process.env.MILLRACE_BROKERS${typed ? '!' : ''})
    if (!isRejected()) throw new Error('an error is not a KafkaError')
    const words = await unreachable()
    if (!words.includes('ECONNREFUSED')) throw new Error('the cause is lost: ' + words)
    return cluster.records('orders').length
  } finally {
    await cluster.close()
  }
}
`

/** Records that reach the cluster of the environment. */
export const sentRecords = 5

/** Exports `sendAll`, which resolves to how many records its own cluster has: `sentRecords`. */
export const sendModule = `
import { KafkaError, Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
${body(true)}
export const sendAll = ${sendAll(true)}`

export const sendModuleJs = `
import { KafkaError, Producer } from 'millrace'
import { startCluster } from 'millrace/testing'
${body(false)}
export const sendAll = ${sendAll(false)}`

export const sendCommonJs = `
const { KafkaError, Producer } = require('millrace')
const { startCluster } = require('millrace/testing')
${body(false)}
exports.sendAll = ${sendAll(false)}`

const run = `
sendAll().then(
  (count) => {
    if (count !== ${sentRecords}) throw new Error(count + ' records')
  },
).catch((error) => {
  console.error(error)
  process.exitCode = 1
})
`

/** Whole programs: what they send is what `sendAll` sends. */
export const mainTs = `import { sendAll } from './send'\n${run}`
export const mainTsNode = `import { sendAll } from './send.js'\n${run}`
export const mainJs = `import { sendAll } from './send.mjs'\n${run}`
export const mainCommonJs = `const { sendAll } = require('./send.cjs')\n${run}`
