// Where the records come from: a file or standard input, as chunks of bytes. Two chunks take turns
// (one is read while the other is used), unless their bytes must outlive their turn.

import { type FileHandle, open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { Failure } from '../describe-failure.ts'

export interface Input {
  /** For people: the file's name, or `standard input`. */
  readonly name: string
  /** Size of a file; null where nobody knows the end. */
  readonly totalBytes: number | null
  /** The next chunk, good until the next call but one; null at the end, or once stopped. */
  read(): Promise<Buffer | null>
  /** Ends a read that waits, and all later ones. Twice is harmless. */
  stop(): void
  close(): Promise<void>
}

const chunkBytes = 1_048_576

/** `keepsChunks`: each chunk gets memory of its own. */
export const openFile = async (path: string, keepsChunks: boolean): Promise<Input> => {
  let handle: FileHandle
  try {
    handle = await open(path, 'r')
  } catch (error) {
    throw new Failure(`The file ${path} can't be read: ${(error as Error).message}.`)
  }
  const stat = await handle.stat()
  if (stat.isDirectory()) {
    await handle.close()
    throw new Failure(`${path} is a folder: name a file.`)
  }
  return new FileInput(handle, path, stat.isFile() ? stat.size : null, keepsChunks)
}

class FileInput implements Input {
  readonly name: string
  readonly totalBytes: number | null
  readonly #handle: FileHandle
  readonly #keepsChunks: boolean
  readonly #buffers: (Buffer | null)[] = [null, null]
  #turn = 0
  #ahead: Promise<Buffer | null> | null = null
  #stopped = false

  constructor(handle: FileHandle, name: string, totalBytes: number | null, keepsChunks: boolean) {
    this.#handle = handle
    this.name = name
    this.totalBytes = totalBytes
    this.#keepsChunks = keepsChunks
  }

  async read(): Promise<Buffer | null> {
    const chunk = await (this.#ahead ?? this.#readChunk())
    this.#ahead = null
    if (chunk === null || this.#stopped) return null
    this.#ahead = this.#readChunk()
    // Its failure is told to who waits for it; nobody may come any more.
    this.#ahead.catch(() => {})
    return chunk
  }

  async #readChunk(): Promise<Buffer | null> {
    if (this.#stopped) return null
    this.#turn = 1 - this.#turn
    const own = this.#keepsChunks ? null : (this.#buffers[this.#turn] ?? null)
    const buffer = own ?? Buffer.allocUnsafeSlow(chunkBytes)
    this.#buffers[this.#turn] = buffer
    const { bytesRead } = await this.#handle.read(buffer, 0, chunkBytes, null)
    return bytesRead === 0 ? null : buffer.subarray(0, bytesRead)
  }

  stop(): void {
    this.#stopped = true
  }

  async close(): Promise<void> {
    this.stop()
    await this.#ahead?.catch(() => {})
    await this.#handle.close()
  }
}

/** A stream that is read as it comes: standard input. */
export const streamInput = (stream: Readable, name: string): Input => {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  let end: (() => void) | null = null
  const ended = new Promise<null>((resolve) => {
    end = () => resolve(null)
  })
  let stopped = false
  return {
    name,
    totalBytes: null,
    read: async () => {
      if (stopped) return null
      const next = await Promise.race([iterator.next(), ended])
      if (next === null || next.done === true || stopped) return null
      return typeof next.value === 'string' ? Buffer.from(next.value) : next.value
    },
    stop: () => {
      stopped = true
      end?.()
    },
    close: async () => {
      stopped = true
      end?.()
      stream.destroy()
    },
  }
}
