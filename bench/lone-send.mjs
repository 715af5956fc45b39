// What a lone awaited send costs beside the network and the broker: our send() against a hand-made
// Produce request on a bare socket, one of each in turn, in one process and against one broker.
// Prints both medians and their ratio; ends with exit code 1 where the ratio is above the target.
//
//   node bench/lone-send.mjs --brokers HOST:PORT [--count N]  a broker that creates topics
//   node bench/lone-send.mjs                                  the project's own Kafka (needs Java)
import { once } from 'node:events'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { crc32c } from '@node-rs/crc32'
import { Producer } from '../packages/millrace/dist/src/index.js'

const ratioMax = 1.5
const warmupCount = 500
const valueBytes = 100

const { values: options } = parseArgs({
  options: {
    brokers: { type: 'string' },
    count: { type: 'string', default: '5000' },
  },
})

const int16 = (number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(number)
  return bytes
}
const int32 = (number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(number)
  return bytes
}
const int64 = (number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(number))
  return bytes
}
const text = (string) => [int16(Buffer.byteLength(string)), Buffer.from(string)]
const varint = (number) => {
  const bytes = []
  let rest = number < 0 ? -2 * number - 1 : 2 * number
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Buffer.from([...bytes, rest])
}

/** A batch of one record without a key, as no idempotent producer writes it. */
const batchOf = (value) => {
  const body = Buffer.concat([
    Buffer.from([0, 0, 0]),
    varint(-1),
    varint(value.length),
    value,
    varint(0),
  ])
  const time = int64(Date.now())
  const checked = Buffer.concat([
    int16(0),
    int32(0),
    time,
    time,
    int64(-1),
    int16(-1),
    int32(-1),
    int32(1),
    varint(body.length),
    body,
  ])
  const head = Buffer.concat([
    int64(0),
    int32(checked.length + 9),
    int32(-1),
    Buffer.from([2]),
    Buffer.alloc(4),
  ])
  head.writeUInt32BE(crc32c(checked), 17)
  return Buffer.concat([head, checked])
}

/** A whole Produce request of version 8 for partition 0, acks all. */
const requestOf = (topic, value, correlationId) => {
  const batch = batchOf(value)
  const request = Buffer.concat([
    ...[int16(0), int16(8), int32(correlationId), ...text('bare')],
    ...[int16(-1), int16(-1), int32(30_000), int32(1), ...text(topic)],
    ...[int32(1), int32(0), int32(batch.length), batch],
  ])
  return Buffer.concat([int32(request.length), request])
}

/** Where the error is: behind size, correlation id, topic count, name, partition count, index. */
const errorAt = (topic) => 4 + 4 + 4 + 2 + Buffer.byteLength(topic) + 4 + 4

/** One request at a time on a socket of its own. */
const bareSocket = async (address, topic) => {
  const [, host, port] = /^(.*):(\d+)$/.exec(address)
  const socket = connect({ host, port: Number(port), noDelay: true })
  await once(socket, 'connect')
  let responded = null
  let received = Buffer.alloc(0)
  socket.on('data', (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
    const response = received
    received = Buffer.alloc(0)
    responded(response)
  })
  let correlationId = 0
  return {
    send: async (value) => {
      const response = await new Promise((resolve) => {
        responded = resolve
        socket.write(requestOf(topic, value, correlationId++))
      })
      const error = response.readInt16BE(errorAt(topic))
      if (error !== 0) throw new Error(`the broker returned error ${error} to the bare request`)
    },
    close: () => socket.destroy(),
  }
}

const quantile = (sorted, share) => sorted[Math.floor(share * (sorted.length - 1))]

const report = (name, times) => {
  times.sort()
  const [p50, p90, p99] = [0.5, 0.9, 0.99].map((share) => quantile(times, share).toFixed(3))
  console.log(`${name.padEnd(12)} p50 ${p50} ms   p90 ${p90} ms   p99 ${p99} ms`)
  return quantile(times, 0.5)
}

const measure = async (address) => {
  const topic = `lone-send-${process.pid}-${Date.now()}`
  const count = Number(options.count)
  const value = Buffer.alloc(valueBytes, 'millrace ')
  const producer = new Producer({ brokers: address })
  await producer.send({ topic, partition: 0, value })
  const bare = await bareSocket(address, topic)
  const ways = [
    { send: () => producer.send({ topic, partition: 0, value }), times: new Float64Array(count) },
    { send: () => bare.send(value), times: new Float64Array(count) },
  ]
  for (let index = -warmupCount; index < count; index++) {
    // Who goes first changes, so that neither always follows the other.
    for (const { send, times } of index % 2 === 0 ? ways : ways.toReversed()) {
      const start = performance.now()
      await send()
      if (index >= 0) times[index] = performance.now() - start
    }
  }
  bare.close()
  await producer.close()
  const [ours, theirs] = [report('send()', ways[0].times), report('bare socket', ways[1].times)]
  const ratio = ours / theirs
  console.log(`ratio of the medians: ${ratio.toFixed(2)} (target: at most ${ratioMax})`)
  if (ratio > ratioMax) process.exitCode = 1
}

if (options.brokers) await measure(options.brokers.split(',')[0])
else {
  const fixture = await import('../packages/millrace/dist/test/kafka/fixture/index.js')
  const kafka = await fixture.startKafka({ fullSpeed: true })
  try {
    await measure(kafka.brokers[0])
  } finally {
    await kafka.close()
  }
}
