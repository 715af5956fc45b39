// Where the records come from, as chunks of bytes: a file, or a stream such as a pipe. A file is
// read where its records are taken, in chunks that stay in the processor's own cache: large ones
// handed over by a reader's thread cost twice as much as to split them.

import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readSync,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { isatty } from 'node:tty'
import { Failure } from '../describe-failure.ts'
import { nextTurn, pause } from '../runtime/time.ts'
import { fileIdOf } from './file-id.ts'

export interface Input {
  /** For people: the file's name, or `Standard input`. */
  readonly name: string
  /** Which file it is, whatever its name; null if it is not a file. */
  readonly fileId: string | null
  /** True when a person types it: then nothing may be drawn meanwhile. */
  readonly isTyped: boolean
  /** Size of a file; null if the end is unknown. */
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

/** How often a named pipe is checked until a program writes to it. */
const writerLookMs = 50

/** `keepsChunks`: each chunk gets memory of its own. */
export const openFile = (path: string, keepsChunks: boolean): Input => {
  let descriptor: number
  try {
    // A named pipe would wait here for its writer, and a process that waits in the kernel does not
    // end: so nothing waits but the event loop. A terminal or a device waits in a thread, as ever.
    const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
    descriptor = openSync(path, constants.O_RDONLY | (isPipe ? constants.O_NONBLOCK : 0))
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
    throw new Failure(`${name} must be a file, got a folder`)
  }
  if (stat.isFIFO()) return pipeInput(descriptor, name)
  const isTyped = isatty(descriptor)
  return streamInput(createReadStream('', { fd: descriptor }), name, isTyped)
}

const pipeInput = (descriptor: number, name: string): Input => {
  const stopped = new AbortController()
  const input = streamInput(Readable.from(pipeChunks(descriptor, stopped.signal)), name)
  const stop = (): void => {
    stopped.abort()
    input.stop()
  }
  const close = (): Promise<void> => {
    stopped.abort()
    return input.close()
  }
  return { ...input, stop, close }
}

async function* pipeChunks(descriptor: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  const first = await firstOfPipe(descriptor, signal)
  if (signal.aborted) {
    closeSync(descriptor)
    return
  }
  if (first.length > 0) yield first
  yield* new Socket({ fd: descriptor, readable: true, writable: false, signal })
}

/** Waits for a writer; what it has written by then, or nothing. */
const firstOfPipe = async (descriptor: number, signal: AbortSignal): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafeSlow(chunkBytes)
  while (!signal.aborted) {
    try {
      const count = readSync(descriptor, bytes)
      if (count > 0) return bytes.subarray(0, count)
    } catch (error) {
      // A writer is there, its bytes are not yet.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break
      throw error
    }
    await pause(writerLookMs, signal)
  }
  return Buffer.alloc(0)
}

class FileInput implements Input {
  readonly name: string
  readonly fileId: string | null
  readonly isTyped = false
  readonly totalBytes: number
  readonly #descriptor: number
  readonly #keepsChunks: boolean
  #memory = Buffer.alloc(0)
  #chunksRead = 0
  #stopped = false

  constructor(descriptor: number, name: string, totalBytes: number, keepsChunks: boolean) {
    this.#descriptor = descriptor
    this.name = name
    this.fileId = fileIdOf(descriptor)
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
export const streamInput = (stream: Readable, name: string, isTyped = false): Input => {
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
    fileId: null,
    isTyped,
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
