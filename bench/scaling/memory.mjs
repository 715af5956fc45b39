// Memory when a producer is full and no broker responds: it sends through a proxy of its own that
// stops reading, until enqueue() takes no more. The task comes as JSON in the first argument.
import { connect, createServer } from 'node:net'
import { Producer } from '../../packages/millrace/dist/src/index.js'

const { brokers, topics, bufferMemoryBytes, valueBytes, results } = JSON.parse(process.argv[2])

const sendsPerTurn = 2000

/** The way to the broker: `freeze` leaves what is written in the pipes. */
const startProxy = async () => {
  const [, host, port] = /^(.*):(\d+)$/.exec(brokers[0])
  const sockets = []
  const server = createServer((near) => {
    const far = connect({ host, port: Number(port) })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      from.pipe(to)
      from.on('error', () => to.destroy())
      sockets.push(from)
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: server.address().port,
    freeze: () => {
      for (const socket of sockets) {
        socket.unpipe()
        socket.pause()
      }
    },
  }
}

/** Addresses that the broker advertises lead to the proxy as well. */
const through = (proxy) => () => connect({ host: '127.0.0.1', port: proxy.port })

const proxy = await startProxy()
const producer = new Producer({ brokers, bufferMemoryBytes, socketFactory: through(proxy) })
const value = Buffer.alloc(valueBytes, 'm')
const [topic] = topics
for (let index = 0; index < 100; index++) {
  await producer.send({ topic, key: String(index), value })
}
globalThis.gc?.()
const before = process.memoryUsage()
proxy.freeze()

let taken = 0
let rejected = 0
const settled = () => {}
const fill = async () => {
  for (;;) {
    for (let count = 0; count < sendsPerTurn; count++) {
      const record = { topic, key: String(taken % 1000), value }
      if (results === 'promise') {
        producer.send(record).catch((error) => {
          if (error.code === 'BUFFER_FULL') rejected++
        })
      } else if (!producer.enqueue(record, settled)) return
      taken++
    }
    await new Promise(setImmediate)
    if (rejected > 0) return
  }
}
await fill()
globalThis.gc?.()
const after = process.memoryUsage()
const { bufferUsedBytes, waitingBytes } = producer.metrics()
const report = {
  bufferMegabytes: bufferMemoryBytes / 2 ** 20,
  recordsHeld: taken - rejected,
  heldMegabytes: (bufferUsedBytes + waitingBytes) / 2 ** 20,
  rssGrowthMegabytes: (after.rss - before.rss) / 2 ** 20,
  heapGrowthMegabytes: (after.heapUsed - before.heapUsed) / 2 ** 20,
  externalGrowthMegabytes: (after.external - before.external) / 2 ** 20,
  rssMegabytes: after.rss / 2 ** 20,
  node: process.version,
}
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit())
