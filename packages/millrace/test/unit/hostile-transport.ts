// The way of a client to a cluster that damages responses: half of them as bytes, half with extreme
// values in their fields. Used by client-hostile.test.ts and soak/hostile.test.ts.

import { apiByKey, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeResponseHeader,
} from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { type Random, randomBelow } from '../../src/runtime/random.ts'
import type { Address, ByteStream, StreamHandler, Transport } from '../../src/runtime/transport.ts'

/** Of 64 KiB and less. */
const responseMsMax = 10
/** Time of the processor: others may use the machine. */
const spentMs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

const integers = [0, 1, -1, 2, 7, 127, -128, 32_767, -32_768, 2 ** 31 - 1, -(2 ** 31), 999_999]
const int64s = [...integers, 2 ** 52, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]
const texts = ['', 'a', '\u001b[2J', '127.0.0.1', 'x'.repeat(300), '\n', 't', '東京']

const pick = <Item>(random: Random, items: readonly Item[]): Item =>
  items[randomBelow(random, items.length)]!

/** The value with extreme ones in some places; where one does not fit its type, nothing changes. */
const bent = (random: Random, value: unknown): unknown => {
  if (Array.isArray(value)) {
    const items = value.map((item) => bent(random, item))
    if (items.length > 0 && random.next() < 0.1) items.push(...items)
    return random.next() < 0.05 ? [] : items
  }
  if (value instanceof Uint8Array) return value
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, field]) => [name, bent(random, field)])
    return Object.fromEntries(entries)
  }
  if (random.next() > 0.15) return value
  if (typeof value === 'number') return pick(random, random.next() < 0.8 ? integers : int64s)
  if (typeof value === 'string') return pick(random, texts)
  if (typeof value === 'boolean') return !value
  return value
}

const bombs = ['7fffffff', 'ffffffff0f', 'ffffffff', '80000000', '7fff', 'fffe', '00', '01'].map(
  (hex) => Buffer.from(hex, 'hex'),
)

/** The bytes with one to three changes. */
const damaged = (random: Random, message: Uint8Array): Uint8Array => {
  let bytes = Buffer.from(message)
  for (let times = 1 + randomBelow(random, 3); times > 0; times--) {
    const at = randomBelow(random, bytes.length + 1)
    const change = pick(random, bombs)
    switch (randomBelow(random, 4)) {
      case 0:
        bytes.set(change.subarray(0, Math.max(0, bytes.length - at)), at)
        break
      case 1:
        if (at < bytes.length) bytes[at]! ^= 1 << randomBelow(random, 8)
        break
      case 2:
        bytes = bytes.subarray(0, at)
        break
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), change, bytes.subarray(at)])
    }
  }
  return bytes
}

/** Responses are damaged while `isTarget` says so of their API. */
export class HostileTransport implements Transport {
  readonly #network: Transport
  readonly #random: Random
  isTarget: ((api: string) => boolean) | null = null
  damagedCount = 0
  givenCount = 0
  slowCount = 0
  slowestMs = 0

  constructor(network: Transport, random: Random) {
    this.#network = network
    this.#random = random
  }

  resolve(host: string): Promise<readonly string[]> {
    return this.#network.resolve(host)
  }

  connect(address: Address, handler: StreamHandler): ByteStream {
    const asked: { apiKey: number; apiVersion: number }[] = []
    let pending: Buffer = Buffer.alloc(0)
    const stream = this.#network.connect(address, {
      onConnect: () => handler.onConnect?.(),
      onData: (bytes) => {
        pending = Buffer.concat([pending, bytes])
        while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
          const end = 4 + pending.readInt32BE(0)
          const frame = pending.subarray(4, end)
          pending = pending.subarray(end)
          this.#give(handler, this.#changed(frame, asked.shift()))
        }
      },
      onClose: (error) => handler.onClose(error),
    })
    return {
      write: (chunks, flushed) => {
        asked.push(decodeRequestHeader(new Reader(Buffer.concat(chunks), 4), isFlexibleRequest))
        stream.write(chunks, flushed)
      },
      get pendingBytes() {
        return stream.pendingBytes
      },
      pause: () => stream.pause(),
      resume: () => stream.resume(),
      destroy: (error) => stream.destroy(error),
      setKeepsProcessAlive: (value) => stream.setKeepsProcessAlive(value),
    }
  }

  #give(handler: StreamHandler, frame: Uint8Array): void {
    const bytes = Buffer.alloc(4 + frame.length)
    bytes.writeInt32BE(frame.length)
    bytes.set(frame, 4)
    const before = process.cpuUsage()
    handler.onData(bytes)
    const tookMs = spentMs(before)
    if (this.isTarget === null || frame.length > 65_536) return
    this.givenCount++
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (tookMs > responseMsMax) this.slowCount++
  }

  #changed(
    frame: Uint8Array,
    asked: { apiKey: number; apiVersion: number } | undefined,
  ): Uint8Array {
    const api = asked === undefined ? undefined : apiByKey.get(asked.apiKey)
    if (api === undefined || this.isTarget?.(api.name) !== true) return frame
    this.damagedCount++
    if (this.#random.next() < 0.5) return damaged(this.#random, frame)
    const { apiKey, apiVersion } = asked!
    try {
      const reader = new Reader(frame)
      const id = decodeResponseHeader(reader, apiKey, api.isFlexible(apiVersion))
      const writer = new Writer()
      encodeResponseHeader(writer, apiKey, id, api.isFlexible(apiVersion))
      const message = bent(this.#random, api.decodeResponse(reader, apiVersion))
      api.encodeResponse(writer, message as never, apiVersion)
      return writer.finish()
    } catch (error) {
      if (error instanceof KafkaError) return frame
      throw error
    }
  }
}
