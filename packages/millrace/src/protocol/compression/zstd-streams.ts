// Owns a pool of Node's zstd streams. Creating and freeing a compressor takes a fifth of the time
// of compressing a batch, and its memory causes garbage collections, so streams are reused. Each
// write becomes one frame, which contains its size. Caller: zstd.ts, with one pool per process and
// level. Invariants: a stream compresses one batch at a time; an idle stream does not keep the
// process alive.

/** A frame that fits is one call of the thread pool, so other calls use the other threads. */
const chunkBytes = 512 * 1024 + 16 * 1024
/** The default number of threads in Node's thread pool. */
const idleMax = 4

type Done = (error: Error | null, compressed: Uint8Array | null) => void

interface ZstdStream {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): boolean
  on(event: 'data', listener: (chunk: Buffer) => void): unknown
  once(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
  close(): void
}

export interface ZstdStreamOptions {
  readonly flush: number
  readonly finishFlush: number
  readonly chunkSize: number
  readonly params: Readonly<Record<number, number>>
}

/** Missing in the types of Node 20. */
export interface ZlibWithZstdStreams {
  createZstdCompress(options: ZstdStreamOptions): ZstdStream
  readonly constants: {
    readonly ZSTD_c_compressionLevel: number
    readonly ZSTD_e_end: number
  }
}

/** A stream and the pieces of its current frame. */
class Compressor {
  readonly #stream: ZstdStream
  #pieces: Buffer[] = []

  constructor(stream: ZstdStream) {
    this.#stream = stream
    stream.on('data', (piece) => this.#pieces.push(piece))
  }

  /** `done` is called once, in a later turn. */
  run(bytes: Uint8Array, done: Done): void {
    const onEnd = (error: Error | null): void => {
      this.#stream.off('error', onEnd)
      const pieces = this.#pieces
      this.#pieces = []
      if (error !== null) done(error, null)
      else done(null, pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces))
    }
    this.#stream.once('error', onEnd)
    this.#stream.write(bytes, (error) => {
      if (!error) onEnd(null)
    })
  }

  close(): void {
    this.#stream.close()
  }
}

/** Compresses with the streams of one level. */
export class ZstdStreams {
  readonly #make: () => ZstdStream
  readonly #idle: Compressor[] = []

  constructor(zlib: ZlibWithZstdStreams, level: number) {
    const { ZSTD_c_compressionLevel, ZSTD_e_end } = zlib.constants
    const options = {
      flush: ZSTD_e_end,
      finishFlush: ZSTD_e_end,
      chunkSize: chunkBytes,
      params: { [ZSTD_c_compressionLevel]: level },
    }
    this.#make = () => zlib.createZstdCompress(options)
  }

  compress(bytes: Uint8Array, done: Done): void {
    const compressor = this.#idle.pop() ?? new Compressor(this.#make())
    compressor.run(bytes, (error, compressed) => {
      if (error !== null || this.#idle.length >= idleMax) compressor.close()
      else this.#idle.push(compressor)
      done(error, compressed)
    })
  }
}
