// The input of `produce` as chunks of bytes: a file, a named pipe, or a stream. A file is read
// synchronously in chunks that fit the processor's cache: larger chunks from a reader thread took
// twice as long. A chunk is valid only until the next read. Callers: produce-command.ts,
// sending.ts, and input-progress.ts.

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
  /** The name in messages: the file's name, or `Standard input`. */
  readonly name: string
  /** Identifies the file independently of its name; null if it is not a regular file. */
  readonly fileId: string | null
  /** True if the user types the input; the command must not draw then. */
  readonly isTyped: boolean
  /** Size of a file; null if the size is unknown. */
  readonly totalBytes: number | null
  /** The next chunk, valid until the next call; null at the end of the input or after stop(). */
  read(): Promise<Buffer | null>
  /** Ends a pending read and all later ones. It may be called twice. */
  stop(): void
  close(): Promise<void>
}

const chunkBytes = 131_072
/** After this many chunks the loop yields to the event loop, which sends the records. */
const chunksPerTurn = 4

/** How often a named pipe is checked for its writer. */
const writerCheckMs = 50

/** `keepsChunks`: each chunk gets its own memory, so that it stays valid. */
export const openFile = (path: string, keepsChunks: boolean): Input => {
  let descriptor: number
  try {
    // Opening a named pipe blocks until a writer opens it, and a process that is blocked in the
    // kernel does not exit on a signal. So a pipe is opened without blocking. A terminal or a
    // device is read in a thread.
    const isPipe = statSync(path, { throwIfNoEntry: false })?.isFIFO() === true
    descriptor = openSync(path, constants.O_RDONLY | (isPipe ? constants.O_NONBLOCK : 0))
  } catch (error) {
    throw new Failure(`The file ${path} can't be read: ${(error as Error).message}.`)
  }
  return describedInput(descriptor, path, keepsChunks)
}

/**
 * An open file, such as standard input redirected from one. It is read from its current position.
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

/** Waits for a writer; returns what it has written by then, possibly nothing. */
const firstOfPipe = async (descriptor: number, signal: AbortSignal): Promise<Buffer> => {
  const bytes = Buffer.allocUnsafeSlow(chunkBytes)
  while (!signal.aborted) {
    try {
      const count = readSync(descriptor, bytes)
      if (count > 0) return bytes.subarray(0, count)
    } catch (error) {
      // A writer has opened the pipe but has not written yet.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break
      throw error
    }
    await pause(writerCheckMs, signal)
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

/** A stream, such as standard input that is a pipe. */
export const streamInput = (stream: Readable, name: string, isTyped = false): Input => {
  const iterator = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer | string>
  /**
   * Ends the pending read. It is not a promise: Promise.race would retain every chunk of the
   * stream.
   */
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
