// What the guard measures: four pieces of the hot path, each beside a reference that does a similar
// kind of work in plain JavaScript (bytes written in loops and by `set`, small objects, integer
// arithmetic), so that a slower machine, another processor or a busy one slows both alike.
// A case has `run` and `reference`: each does one round of the same size and returns how many
// milliseconds its measured part took.

const engine = '../../packages/millrace/dist/src/engine'
const { createPartitioner } = await import(`${engine}/partitioner/partitioner.js`)

import { produceApi } from '../../packages/millrace/dist/src/protocol/api/00-produce.js'
import { Reader } from '../../packages/millrace/dist/src/protocol/bytes/reader.js'
import { Writer } from '../../packages/millrace/dist/src/protocol/bytes/writer.js'
import { crc32c } from '../../packages/millrace/dist/src/protocol/records/crc.js'
import { seededRandom } from '../../packages/millrace/dist/src/runtime/random.js'
import { EngineBench } from './engine-bench.mjs'

const partitionCount = 4
const recordCount = 512
const keyBytes = 16
const valueBytes = 100
const responsePartitions = 64

const keys = Array.from({ length: recordCount }, (_, index) =>
  Buffer.from(String(index).padStart(keyBytes, '0')),
)
const value = Buffer.alloc(valueBytes, 'v')
const records = keys.map((key, index) => ({
  topic: 't',
  key,
  value,
  partition: index % partitionCount,
}))

/** Results of the measured work end here, so that V8 cannot remove any of it. */
let sink = 0
export const sunk = () => sink

const timed = (work) => {
  const startedMs = performance.now()
  work()
  return performance.now() - startedMs
}

const onSettled = (error, metadata) => {
  if (error !== null) throw error
  sink += metadata.offset
}

// ── References ─────────────────────────────────────────────────────────────────────────────────

const page = Buffer.alloc(recordCount * (keyBytes + valueBytes + 16))
const pageView = new Uint8Array(page.buffer, page.byteOffset, page.length)

const writeNumber = (target, position, number) => {
  while (number > 127) {
    target[position++] = (number & 127) | 128
    number >>>= 7
  }
  target[position++] = number
  return position
}

/** Lengths, a short field by a loop, a long one by `set`, an entry in a list; then the checksum. */
const encodeReference = () => {
  const entries = []
  let position = 0
  for (let index = 0; index < recordCount; index++) {
    const { key, value: content } = records[index]
    position = writeNumber(page, position, key.length + content.length)
    position = writeNumber(page, position, index)
    position = writeNumber(page, position, key.length)
    for (let at = 0; at < key.length; at++) page[position++] = key[at]
    position = writeNumber(page, position, content.length)
    page.set(content, position)
    position += content.length
    entries.push(onSettled)
  }
  sink += entries.length + crc32c(pageView.subarray(0, position))
}

const hashReference = () => {
  let sum = 0
  for (let index = 0; index < recordCount; index++) {
    const key = keys[index]
    let hash = 0x811c9dc5 | 0
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key[at], 0x01000193)
    sum += (hash >>> 1) % 6
  }
  sink += sum
}

/** Reads numbers out of bytes, makes an object of them, and calls a function with it. */
const settleReference = () => {
  let position = 0
  for (let index = 0; index < recordCount; index++) {
    let first = 0
    let shift = 0
    do {
      first |= (page[position] & 127) << shift
      shift += 7
    } while (page[position++] > 127)
    const second = page[position++]
    const result = {
      topic: 't',
      partition: index & 3,
      offset: index,
      timestamp: 1_700_000_000_000 + index,
      keyBytes: first,
      valueBytes: second,
    }
    onSettled(null, result)
    position += 4
  }
}

/** An object for each of so many fixed fields. */
const decodeReference = (bytes) => {
  const responses = []
  let position = 0
  for (let index = 0; index < responsePartitions; index++) {
    const response = {
      index: bytes.readInt32BE(position),
      errorCode: bytes.readInt16BE(position + 4),
      baseOffset: bytes.readInt32BE(position + 6) * 2 ** 32 + bytes.readUInt32BE(position + 10),
      logAppendTimeMs:
        bytes.readInt32BE(position + 14) * 2 ** 32 + bytes.readUInt32BE(position + 18),
      errors: [],
      message: null,
    }
    responses.push(response)
    position += 22
  }
  sink += responses.length
}

// ── Cases ──────────────────────────────────────────────────────────────────────────────────────

/** Appends a request's worth of records and responds to it; `measure` says what counts. */
const makeRoundTrip = (measure) => {
  const bench = new EngineBench(partitionCount)
  const { engine } = bench
  const append = () => {
    for (let index = 0; index < recordCount; index++) engine.append(records[index], onSettled)
    bench.step()
  }
  return () => {
    const appendMs = timed(append)
    let settleMs = 0
    for (let calls = bench.takeSent(); calls.length > 0; calls = bench.takeSent()) {
      for (const call of calls) {
        const response = bench.makeResponse()
        // A response without another request in flight gives half of the results, a step the rest.
        settleMs += timed(() => {
          call.onResponse(response)
          if (!engine.parts.isDrained) bench.step()
        })
      }
      bench.step()
    }
    if (!engine.parts.isDrained) throw new Error('the engine is not drained')
    return measure === 'append' ? appendMs : settleMs
  }
}

const makePartition = () => {
  const partitioner = createPartitioner('java', seededRandom(1))()
  const topic = { name: 't', partitionCount: 6, available: [], preferred: [], loadOf: () => 0 }
  const none = new Uint8Array(0)
  return () =>
    timed(() => {
      let sum = 0
      for (let index = 0; index < recordCount; index++) {
        const key = keys[index]
        sum += partitioner.partition(topic, key, 0, key.length, 120)
        sum += partitioner.partition(topic, none, -1, -1, 120)
      }
      sink += sum
    })
}

const decodeVersion = 12
const decodesPerRound = 8

const makeDecode = () => {
  const writer = new Writer(4096)
  const response = new EngineBench(responsePartitions).makeResponse()
  produceApi.encodeResponse(writer, response, decodeVersion)
  const body = Buffer.from(writer.finish())
  return () =>
    timed(() => {
      for (let count = 0; count < decodesPerRound; count++) {
        const { responses } = produceApi.decodeResponse(new Reader(body), decodeVersion)
        sink += responses[0].partitionResponses.length
      }
    })
}

const fields = Buffer.alloc(responsePartitions * 22, 1)

/** A reference is repeated until it takes about as long as the case. */
const repeated = (count, work) => () =>
  timed(() => {
    for (let index = 0; index < count; index++) work()
  })

export const cases = {
  encode: {
    title: 'append records, seal, number and write their batches and the request',
    make: () => makeRoundTrip('append'),
    reference: repeated(3, encodeReference),
  },
  partition: {
    title: 'choose a partition by key, and without one',
    make: makePartition,
    reference: repeated(1, hashReference),
  },
  settle: {
    title: 'take a response and call each settle',
    make: () => makeRoundTrip('settle'),
    reference: repeated(4, settleReference),
  },
  decode: {
    title: `decode a response of ${responsePartitions} partitions`,
    make: makeDecode,
    reference: repeated(3 * decodesPerRound, () => decodeReference(fields)),
  },
}
