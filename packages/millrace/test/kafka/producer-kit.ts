// Records with everything in them that a record can have, each made from its number alone, so that
// what Java reads is compared byte for byte; and a transport that notes what our producer says.

import assert from 'node:assert/strict'
import { Producer, type ProducerOptions, type ProducerRecord } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { silentLogger } from '../../src/runtime/logger.ts'
import { seededRandom, systemRandom } from '../../src/runtime/random.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Transport } from '../../src/runtime/transport.ts'
import { type ConsumedRecord, javaConsume, type Kafka } from './fixture/index.ts'

const poolBytes = 1 << 16
const random = seededRandom(20_261_122)
const pool = Buffer.from(Array.from({ length: poolBytes }, () => Math.floor(random.next() * 256)))

/** Binary data of record `index`; each length from 0 to 299 comes up. */
const noise = (index: number): Buffer => {
  const length = (index * 7) % 300
  const start = (index * 31) % (poolBytes - length)
  return pool.subarray(start, start + length)
}

const keyOf = (index: number): ProducerRecord['key'] =>
  [undefined, null, '', `key-${index % 1000}`, noise(index), `ключ ${index} 🔑`, 'k'][index % 7]

const dataOf = (index: number): ProducerRecord['value'] => {
  const kinds = [
    () => null,
    () => '',
    () => new Uint8Array(0),
    () => noise(index),
    () => `{"id":${index},"name":"Zoë 🙂 \u0000 \n","tags":["a","b"]}`,
    () => 'repeat '.repeat(index % 60),
    () => Buffer.from([index & 255]),
    () => `plain ${index}`,
  ]
  return kinds[index % kinds.length]!()
}

const headersOf = (index: number): ProducerRecord['headers'] => {
  const kinds = [
    () => undefined,
    () => ({}),
    () => ({ trace: `${index}`, empty: '', nothing: null, left: undefined }),
    () => [['again', 'first'] as const, ['again', null] as const, ['again', noise(index)] as const],
    () => ({ '': 'no name', 'ü 🙂': ['1', null, Buffer.from([0, 255, index & 255])] }),
  ]
  return kinds[index % kinds.length]!()
}

/** Record number `index`: every combination of the kinds above comes up. */
export const recordOf = (index: number, topic: string): ProducerRecord => {
  const record = { topic, key: keyOf(index), value: dataOf(index), headers: headersOf(index) }
  return index % 9 === 0 ? { ...record, timestamp: 1_600_000_000_000 + index } : record
}

const asBytes = (data: string | Uint8Array | null | undefined): Buffer | null =>
  data === null || data === undefined ? null : Buffer.from(data)

const sameBytes = (found: Buffer | null, sent: string | Uint8Array | null | undefined): boolean => {
  const wanted = asBytes(sent)
  return found === null || wanted === null ? found === wanted : found.equals(wanted)
}

/** The headers as they should be stored: repeated values one by one, undefined ones skipped. */
const pairsOf = (headers: ProducerRecord['headers']): (readonly [string, Buffer | null])[] => {
  const pairs = Array.isArray(headers) ? headers : Object.entries(headers ?? {})
  return pairs.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((single) => single !== undefined)
      .map((single) => [name, asBytes(single)] as const),
  )
}

/** Throws unless what Java read is the record, in every byte. */
export const checkRecord = (found: ConsumedRecord, sent: ProducerRecord, name: string): void => {
  assert.ok(sameBytes(found.key, sent.key), `the key of ${name}`)
  assert.ok(sameBytes(found.value, sent.value), `the value of ${name}`)
  const headers = pairsOf(sent.headers)
  assert.equal(found.headers.length, headers.length, `the headers of ${name}`)
  for (const [place, [header, value]] of headers.entries()) {
    const pair = found.headers[place]!
    assert.equal(pair[0], header, `header ${place} of ${name}`)
    assert.ok(sameBytes(pair[1], value), `the value of header ${place} of ${name}`)
  }
  if (sent.timestamp !== undefined) assert.equal(found.timestamp, sent.timestamp, name)
}

/** Which record is where, as our producer said: `[partition][offset]` is its number. */
export class Places {
  readonly #numbers: number[][] = []
  #count = 0

  put(partition: number, offset: number, number: number): void {
    this.#numbers[partition] ??= []
    assert.equal(
      this.#numbers[partition][offset],
      undefined,
      `${partition}:${offset} was acknowledged twice`,
    )
    this.#numbers[partition][offset] = number
    this.#count++
  }

  get count(): number {
    return this.#count
  }

  /** Reads the topic with Java and compares every record; their order is that of the calls. */
  async check(
    kafka: Kafka,
    topic: string,
    sent: (number: number) => ProducerRecord,
  ): Promise<void> {
    let found = 0
    await javaConsume({
      brokers: kafka.brokers,
      topic,
      timeoutMs: 120_000,
      onRecord: (record) => {
        const number = this.#numbers[record.partition]?.[record.offset]
        const place = `${record.partition}:${record.offset}`
        assert.ok(number !== undefined, `${place} is in the log but was not acknowledged`)
        checkRecord(record, sent(number), `record ${number} at ${place}`)
        found++
      },
    })
    assert.equal(found, this.#count)
    for (const numbers of this.#numbers) {
      for (let offset = 1; offset < (numbers?.length ?? 0); offset++) {
        assert.ok(numbers![offset]! > numbers![offset - 1]!, 'out of order')
      }
    }
  }
}

/** A transport that notes the version of each Produce request. */
export const listening = (versions: Set<number>): Transport => ({
  resolve: (host) => tcpTransport.resolve(host),
  connect: (address, handler) => {
    const stream = tcpTransport.connect(address, handler)
    const write = stream.write.bind(stream)
    stream.write = (chunks, flushed) => {
      const frame = Buffer.from(chunks[0]!.buffer, chunks[0]!.byteOffset, chunks[0]!.byteLength)
      if (frame.length >= 8 && frame.readInt16BE(4) === 0) versions.add(frame.readInt16BE(6))
      write(chunks, flushed)
    }
    return stream
  },
})

/** A producer that says nothing, with a transport of its own where one is given. */
export const producerFor = (
  kafka: Kafka,
  options: Partial<ProducerOptions> = {},
  transport: Transport = tcpTransport,
): Producer =>
  new Producer(
    { brokers: kafka.brokers, logger: silentLogger, ...options },
    { clock: systemClock, random: systemRandom, transport },
  )
