// Damages responses: half of them as bytes, half with extreme values in their fields. Used by
// hostile-transport.ts and scripted-cluster.ts.

import { decodeResponseHeader, encodeResponseHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { AnyApi } from '../../src/protocol/schema/api.ts'
import { type Random, randomBelow } from '../../src/runtime/random.ts'

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

/** A response, without its size, with a change somewhere; or the same, where none fits. */
export const damagedResponse = (
  random: Random,
  frame: Uint8Array,
  api: AnyApi,
  version: number,
): Uint8Array => {
  if (random.next() < 0.5) return damaged(random, frame)
  try {
    const reader = new Reader(frame)
    const id = decodeResponseHeader(reader, api.key, api.isFlexible(version))
    const writer = new Writer()
    encodeResponseHeader(writer, api.key, id, api.isFlexible(version))
    const message = bent(random, api.decodeResponse(reader, version))
    api.encodeResponse(writer, message as never, version)
    return writer.finish()
  } catch (error) {
    if (error instanceof KafkaError) return frame
    throw error
  }
}

const responseMsMax = 10
const remeasuredMs = 4

/**
 * Counts responses that took more than 10 ms of the processor. To read its time before each would
 * cost more than most responses do. So it is read every few milliseconds, and where the clock on
 * the wall shows more than 10 ms: other processes can cause that as well.
 */
export class ResponseTimes {
  count = 0
  slowCount = 0
  slowestMs = 0
  #spent = process.cpuUsage()
  #spentAtMs = performance.now()

  measure(take: () => void): void {
    this.count++
    const before = performance.now()
    if (before - this.#spentAtMs > remeasuredMs) {
      this.#spent = process.cpuUsage()
      this.#spentAtMs = before
    }
    take()
    const after = performance.now()
    if (after - before <= responseMsMax) return
    const { user, system } = process.cpuUsage(this.#spent)
    const tookMs = Math.min(after - before, (user + system) / 1000)
    this.#spentAtMs = 0
    this.slowestMs = Math.max(this.slowestMs, tookMs)
    if (tookMs > responseMsMax) this.slowCount++
  }
}
