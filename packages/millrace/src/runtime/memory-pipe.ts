// Owns one direction of an in-memory stream: the bytes that its sender wrote and the simulated
// kernel has not taken, and the bytes in transit. Caller: memory-transport.ts.
//
//   write → waiting ──take (an immediate, if the window allows)──→ in transit ──timer──→ receiver
//
// Invariants: bytes are copied when they are taken, not when they are written, so a sender that
// reuses a buffer before `flushed` corrupts its data and is detected. Segments arrive in order,
// with any latency. Nothing is delivered from inside a call of either owner.

import { assert } from './assert.ts'
import type { Clock, Timer } from './clock.ts'
import { type Random, randomBelow } from './random.ts'

/** How a pipe transfers bytes. */
export interface PipeTraits {
  readonly clock: Clock
  readonly random: Random
  readonly latencyMs: () => number
  /** Longest piece that arrives at once; 0 = pieces are as they were written. */
  readonly pieceBytesMax: number
  /** Bytes that may be in transit; further bytes wait. */
  readonly windowBytes: number
  /** True while a fault prevents delivery. */
  readonly isHeld: () => boolean
}

export interface PipeReceiver {
  onPipeData(bytes: Uint8Array): void
  /** The last event; with an error if the stream was broken. */
  onPipeEnd(error: Error | undefined): void
}

interface Waiting {
  readonly bytes: Uint8Array
  taken: number
  readonly flushed: (() => void) | undefined
}

interface Segment {
  /** Null = the end of the stream. */
  readonly bytes: Uint8Array | null
  readonly error: Error | undefined
  readonly dueAtMs: number
}

const noBytes = new Uint8Array(0)

export class MemoryPipe {
  readonly #traits: PipeTraits
  readonly #receiver: PipeReceiver
  readonly #waiting: Waiting[] = []
  readonly #transit: Segment[] = []
  #pendingBytes = 0
  #transitBytes = 0
  #open = false
  #paused = false
  #ended = false
  #takeScheduled = false
  #timer: Timer | null = null

  constructor(traits: PipeTraits, receiver: PipeReceiver) {
    this.#traits = traits
    this.#receiver = receiver
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** The stream is connected: bytes that were written before are sent. */
  open(): void {
    this.#open = true
    this.#scheduleTake()
  }

  write(chunks: readonly Uint8Array[], flushed: (() => void) | undefined): void {
    if (this.#ended) return
    for (let index = 0; index < chunks.length; index++) {
      const bytes = chunks[index]!
      const isLast = index === chunks.length - 1
      this.#waiting.push({ bytes, taken: 0, flushed: isLast ? flushed : undefined })
      this.#pendingBytes += bytes.length
    }
    if (chunks.length === 0) this.#waiting.push({ bytes: noBytes, taken: 0, flushed })
    this.#scheduleTake()
  }

  /** Pauses or resumes as the receiver requested; faults use `isHeld`. */
  setPaused(paused: boolean): void {
    this.#paused = paused
    this.wake()
  }

  /** Checks again whether bytes may arrive: a hold or a pause has ended. */
  wake(): void {
    this.#armDelivery()
  }

  /**
   * The sender closed: bytes that were not taken are lost, bytes in transit arrive, then the end.
   */
  end(error?: Error): void {
    if (this.#ended) return
    this.#dropWaiting()
    this.#pushSegment(null, error)
    this.#ended = true
    // A stream that is closed while it connects still notifies its peer.
    this.#open = true
    this.#armDelivery()
  }

  /** Drops everything: nothing arrives any more, and no error is reported. */
  discard(): void {
    this.#ended = true
    this.#dropWaiting()
    this.#transit.length = 0
    this.#transitBytes = 0
    this.#timer?.cancel()
    this.#timer = null
  }

  #dropWaiting(): void {
    this.#waiting.length = 0
    this.#pendingBytes = 0
  }

  #scheduleTake(): void {
    if (this.#takeScheduled || !this.#open || this.#waiting.length === 0) return
    this.#takeScheduled = true
    this.#traits.clock.setImmediate(() => {
      this.#takeScheduled = false
      this.#take()
    })
  }

  /**
   * Moves bytes from the sender into the window. `flushed` may write more, which another call
   * takes.
   */
  #take(): void {
    const flushed: (() => void)[] = []
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting[0]!
      const freeBytes = this.#traits.windowBytes - this.#transitBytes
      const countBytes = Math.min(waiting.bytes.length - waiting.taken, freeBytes)
      if (countBytes > 0) this.#takeBytes(waiting, countBytes)
      if (waiting.taken < waiting.bytes.length) break
      this.#waiting.shift()
      if (waiting.flushed !== undefined) flushed.push(waiting.flushed)
    }
    this.#armDelivery()
    for (const callback of flushed) callback()
  }

  #takeBytes(waiting: Waiting, countBytes: number): void {
    const { pieceBytesMax, random } = this.#traits
    const end = waiting.taken + countBytes
    while (waiting.taken < end) {
      const leftBytes = end - waiting.taken
      const pieceBytes =
        pieceBytesMax === 0
          ? leftBytes
          : Math.min(leftBytes, 1 + randomBelow(random, pieceBytesMax))
      const pieceEnd = waiting.taken + pieceBytes
      // A copy: the `slice` of a Buffer would be a view.
      const piece = new Uint8Array(waiting.bytes.subarray(waiting.taken, pieceEnd))
      this.#pushSegment(piece, undefined)
      waiting.taken = pieceEnd
    }
    this.#pendingBytes -= countBytes
  }

  #pushSegment(bytes: Uint8Array | null, error: Error | undefined): void {
    const { clock, latencyMs } = this.#traits
    this.#transit.push({ bytes, error, dueAtMs: clock.now() + latencyMs() })
    this.#transitBytes += bytes?.length ?? 0
  }

  #armDelivery(): void {
    const head = this.#transit[0]
    if (head === undefined || this.#timer !== null || this.#isBlocked()) return
    const { clock } = this.#traits
    this.#timer = clock.setTimer(head.dueAtMs - clock.now(), () => {
      this.#timer = null
      if (!this.#isBlocked()) this.#deliver()
    })
  }

  #isBlocked(): boolean {
    return !this.#open || this.#paused || this.#traits.isHeld()
  }

  #deliver(): void {
    const segment = this.#transit.shift()
    assert(segment !== undefined, 'a delivery has a segment')
    if (segment.bytes === null) {
      this.#receiver.onPipeEnd(segment.error)
      return
    }
    this.#transitBytes -= segment.bytes.length
    this.#scheduleTake()
    this.#armDelivery()
    this.#receiver.onPipeData(segment.bytes)
  }
}
