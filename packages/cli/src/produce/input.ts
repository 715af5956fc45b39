// Where the records come from: a file or standard input, as chunks of bytes. A file is read ahead
// by a few chunks, so that the reader's threads and the sending don't wait for each other; its
// buffers go round, unless the chunks' bytes must outlive their turn.

import { close, fstat, open, read } from 'node:fs'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Failure } from '../describe-failure.ts'
import { nextTurn } from '../runtime/time.ts'

export interface Input {
  /** For people: the file's name, or `Standard input`. */
  readonly name: string
  /** Size of a file; null where nobody knows the end. */
  readonly totalBytes: number | null
  /** The next chunk, good until the next call; null at the end, or once stopped. */
  read(): Promise<Buffer | null>
  /** Ends a read that waits, and all later ones. Twice is harmless. */
  stop(): void
  close(): Promise<void>
}

const chunkBytes = 1_048_576
/** Chunks that are read before they are asked for. */
const chunksAheadMax = 4

/** `keepsChunks`: each chunk gets memory of its own. */
export const openFile = async (path: string, keepsChunks: boolean): Promise<Input> => {
  let descriptor: number
  try {
    descriptor = await promisify(open)(path, 'r')
  } catch (error) {
    throw new Failure(`The file ${path} can't be read: ${(error as Error).message}.`)
  }
  return describedInput(descriptor, path, keepsChunks)
}

/**
 * A file that is open already: standard input, where it is one. It is read from where it stands.
 */
export const describedInput = async (
  descriptor: number,
  name: string,
  keepsChunks: boolean,
): Promise<Input> => {
  const stat = await promisify(fstat)(descriptor)
  if (stat.isDirectory()) {
    await promisify(close)(descriptor)
    throw new Failure(`${name} is a folder: name a file.`)
  }
  return new FileInput(descriptor, name, stat.isFile() ? stat.size : null, keepsChunks)
}

class FileInput implements Input {
  readonly name: string
  readonly totalBytes: number | null
  readonly #descriptor: number
  readonly #keepsChunks: boolean
  readonly #ahead: Buffer[] = []
  readonly #free: Buffer[] = []
  /** The chunk that the caller has. */
  #lent: Buffer | null = null
  /** The read under way, and who waits for its end. */
  #reading: Promise<void> | null = null
  #state: 'reading' | 'ended' | 'stopped' = 'reading'
  #error: Error | null = null

  constructor(descriptor: number, name: string, totalBytes: number | null, keepsChunks: boolean) {
    this.#descriptor = descriptor
    this.name = name
    this.totalBytes = totalBytes
    this.#keepsChunks = keepsChunks
  }

  async read(): Promise<Buffer | null> {
    if (this.#lent !== null && !this.#keepsChunks) this.#free.push(this.#lent)
    this.#lent = null
    this.#fill()
    // Also where a chunk is there: what was taken goes out in the turns between the chunks.
    if (this.#ahead.length > 0) await nextTurn()
    else await this.#reading
    if (this.#state === 'stopped') return null
    const chunk = this.#ahead.shift()
    if (chunk !== undefined) {
      this.#lent = chunk
      return chunk
    }
    if (this.#error !== null) throw this.#error
    return null
  }

  /** One read at a time, as long as there is room ahead. */
  #fill(): void {
    if (this.#reading !== null || this.#state !== 'reading') return
    if (this.#ahead.length >= chunksAheadMax) return
    this.#reading = this.#readChunk().then(() => {
      this.#reading = null
      this.#fill()
    })
  }

  async #readChunk(): Promise<void> {
    const lent = this.#free.pop()
    const buffer = Buffer.from(lent?.buffer ?? new ArrayBuffer(chunkBytes))
    try {
      const { bytesRead } = await promisify(read)(this.#descriptor, buffer, 0, chunkBytes, null)
      if (bytesRead > 0) this.#ahead.push(buffer.subarray(0, bytesRead))
      else if (this.#state === 'reading') this.#state = 'ended'
    } catch (error) {
      this.#error = error as Error
      if (this.#state === 'reading') this.#state = 'ended'
    }
  }

  stop(): void {
    this.#state = 'stopped'
  }

  async close(): Promise<void> {
    this.stop()
    await this.#reading
    await promisify(close)(this.#descriptor)
  }
}

/** A stream that is read as it comes: standard input. */
export const streamInput = (stream: Readable, name: string): Input => {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  /** Ends the read under way: a promise to race would remember every chunk of a pipe for good. */
  let end = (): void => {}
  let stopped = false
  const stop = (): void => {
    stopped = true
    end()
  }
  const next = (): Promise<IteratorResult<Buffer | string> | null> =>
    new Promise((resolve, reject) => {
      end = () => resolve(null)
      iterator.next().then(resolve, reject)
    })
  return {
    name,
    totalBytes: null,
    read: async () => {
      if (stopped) return null
      const step = await next()
      if (step === null || step.done === true || stopped) return null
      return typeof step.value === 'string' ? Buffer.from(step.value) : step.value
    },
    stop,
    close: async () => {
      stop()
      stream.destroy()
    },
  }
}
