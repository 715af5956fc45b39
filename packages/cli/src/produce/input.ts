// Where the records come from, as chunks of bytes: a file, or a stream such as a pipe. A file is
// read where its records are taken, in chunks that stay in the processor's own cache: large ones
// handed over by a reader's thread cost twice as much as to split them.

import { closeSync, createReadStream, fstatSync, open, readSync } from 'node:fs'
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

const chunkBytes = 131_072
/** What was taken goes out in the turns between; a turn costs as much as some records. */
const chunksPerTurn = 4

/** `keepsChunks`: each chunk gets memory of its own. */
export const openFile = async (path: string, keepsChunks: boolean): Promise<Input> => {
  let descriptor: number
  try {
    // Named pipes are files too: to open one waits for whoever writes to it.
    descriptor = await promisify(open)(path, 'r')
  } catch (error) {
    throw new Failure(`The file ${path} can't be read: ${(error as Error).message}.`)
  }
  return describedInput(descriptor, path, keepsChunks)
}

/**
 * A file that is open already: standard input, where it is one. It is read from where it stands.
 */
export const describedInput = (descriptor: number, name: string, keepsChunks: boolean): Input => {
  const stat = fstatSync(descriptor)
  if (stat.isFile()) return new FileInput(descriptor, name, stat.size, keepsChunks)
  if (stat.isDirectory()) {
    closeSync(descriptor)
    throw new Failure(`${name} is a folder: name a file.`)
  }
  return streamInput(createReadStream('', { fd: descriptor }), name)
}

class FileInput implements Input {
  readonly name: string
  readonly totalBytes: number
  readonly #descriptor: number
  readonly #keepsChunks: boolean
  #memory = Buffer.alloc(0)
  #chunksRead = 0
  #stopped = false

  constructor(descriptor: number, name: string, totalBytes: number, keepsChunks: boolean) {
    this.#descriptor = descriptor
    this.name = name
    this.totalBytes = totalBytes
    this.#keepsChunks = keepsChunks
  }

  async read(): Promise<Buffer | null> {
    if (this.#chunksRead++ % chunksPerTurn === 0) await nextTurn()
    if (this.#stopped) return null
    if (this.#keepsChunks || this.#memory.length === 0) {
      this.#memory = Buffer.allocUnsafeSlow(chunkBytes)
    }
    const bytesRead = readSync(this.#descriptor, this.#memory, 0, chunkBytes, null)
    return bytesRead === 0 ? null : this.#memory.subarray(0, bytesRead)
  }

  stop(): void {
    this.#stopped = true
  }

  async close(): Promise<void> {
    this.stop()
    closeSync(this.#descriptor)
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
