// A transport that watches outgoing requests: it counts them by API, notes the highest version of
// each, and can hold those of one API until the test releases them.

import { systemClock } from '../../src/runtime/clock.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Transport } from '../../src/runtime/transport.ts'

const apiKeyAt = 4
const versionAt = 6
const holdTimeoutMs = 20_000

/** The APIs of transactions, by Kafka's numbers. */
export const apiKeys = {
  produce: 0,
  initProducerId: 22,
  addPartitions: 24,
  addOffsets: 25,
  endTransaction: 26,
  commitOffsets: 28,
} as const

export type WatchedApi = keyof typeof apiKeys

export class RequestWatch {
  readonly transport: Transport
  readonly #counts = new Map<number, number>()
  readonly #versions = new Map<number, number>()
  #heldKey = -1
  #held: (() => void)[] = []
  #onHeld: () => void = () => {}

  constructor() {
    this.transport = {
      resolve: (host) => tcpTransport.resolve(host),
      connect: (address, handler) => {
        const stream = tcpTransport.connect(address, handler)
        const write = stream.write.bind(stream)
        stream.write = (chunks, flushed) => {
          if (this.#note(chunks[0]!)) {
            this.#held.push(() => write(chunks, flushed))
            this.#onHeld()
          } else write(chunks, flushed)
        }
        return stream
      },
    }
  }

  count(api: WatchedApi): number {
    return this.#counts.get(apiKeys[api]) ?? 0
  }

  /** Requests of transactions, Produce among them. */
  get total(): number {
    return Object.values(apiKeys).reduce<number>(
      (sum, key) => sum + (this.#counts.get(key) ?? 0),
      0,
    )
  }

  /** The last version that was sent; -1 where none was. */
  version(api: WatchedApi): number {
    return this.#versions.get(apiKeys[api]) ?? -1
  }

  /** From now on requests of this API are held back. */
  hold(api: WatchedApi): void {
    this.#heldKey = apiKeys[api]
  }

  /** Resolves when one is held. */
  async held(): Promise<void> {
    if (this.#held.length > 0) return
    await new Promise<void>((resolve, reject) => {
      const expire = (): void => reject(new Error('no request is held'))
      const timer = systemClock.setTimer(holdTimeoutMs, expire)
      this.#onHeld = () => {
        timer.cancel()
        resolve()
      }
    })
  }

  release(): void {
    this.#heldKey = -1
    const held = this.#held
    this.#held = []
    for (const write of held) write()
  }

  /** Whether to hold it. A chunk begins with a request: its size, API and version. */
  #note(chunk: Uint8Array): boolean {
    const frame = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    if (frame.length < versionAt + 2) return false
    const key = frame.readInt16BE(apiKeyAt)
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    this.#versions.set(key, frame.readInt16BE(versionAt))
    return key === this.#heldKey
  }
}
