// The way of a client to an in-process cluster that damages responses. Used by
// soak/hostile.test.ts.

import { apiByKey, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import { decodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { Address, ByteStream, StreamHandler, Transport } from '../../src/runtime/transport.ts'
import { damagedResponse, ResponseTimes } from './damaged-response.ts'

/** Responses are damaged while `isTarget` says so of their API. */
export class HostileTransport implements Transport {
  readonly #network: Transport
  readonly #random: Random
  isTarget: ((api: string) => boolean) | null = null
  damagedCount = 0
  readonly times = new ResponseTimes()

  constructor(network: Transport, random: Random) {
    this.#network = network
    this.#random = random
  }

  resolve(host: string): Promise<readonly string[]> {
    return this.#network.resolve(host)
  }

  connect(address: Address, handler: StreamHandler): ByteStream {
    const requested: { apiKey: number; apiVersion: number }[] = []
    let pending: Buffer = Buffer.alloc(0)
    const stream = this.#network.connect(address, {
      onConnect: () => handler.onConnect?.(),
      onData: (bytes) => {
        pending = Buffer.concat([pending, bytes])
        while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
          const end = 4 + pending.readInt32BE(0)
          const frame = pending.subarray(4, end)
          pending = pending.subarray(end)
          this.#give(handler, this.#changed(frame, requested.shift()))
        }
      },
      onClose: (error) => handler.onClose(error),
    })
    return {
      write: (chunks, flushed) => {
        requested.push(decodeRequestHeader(new Reader(Buffer.concat(chunks), 4), isFlexibleRequest))
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
    if (this.isTarget === null || frame.length > 65_536) handler.onData(bytes)
    else this.times.measure(() => handler.onData(bytes))
  }

  #changed(
    frame: Uint8Array,
    requested: { apiKey: number; apiVersion: number } | undefined,
  ): Uint8Array {
    const api = requested === undefined ? undefined : apiByKey.get(requested.apiKey)
    if (api === undefined || this.isTarget?.(api.name) !== true) return frame
    this.damagedCount++
    return damagedResponse(this.#random, frame, api, requested!.apiVersion)
  }
}
