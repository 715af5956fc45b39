// Owns the file of dead letters. Each line is a JSON object in the format that `millrace produce
// --format json` reads; bytes that are not UTF-8 are in base64. Caller: DeadLetters. Invariants:
// one producer at a time appends to the file; lines are collected while a write is in progress;
// after a failed write the next one starts at the same position, so the file contains complete
// lines only.

import type { FailedRecord } from '../../engine/engine.ts'
import { type FileSystem, fileErrorCode, type OpenFile } from '../../runtime/file-system.ts'
import type { DeadLetter, DeadLetterTarget } from './dead-letter.ts'
import { letterLine } from './letter-line.ts'
import type { PendingBytes } from './pending-bytes.ts'

interface Line {
  readonly bytes: Buffer
  readonly letter: DeadLetter
}

const lineEnd = 0x0a

export interface FileTargetOptions {
  readonly path: string
  readonly files: () => Promise<FileSystem>
  /** Lines are forced to the device before they count as stored. */
  readonly isSynced: boolean
  readonly pending: PendingBytes
}

export class FileTarget implements DeadLetterTarget {
  readonly isTopic = false
  readonly isUnbounded = false
  readonly #options: FileTargetOptions
  #lines: Line[] = []
  #file: OpenFile | null = null
  #position = 0
  /** Null = no write is in progress. */
  #running: Promise<void> | null = null

  constructor(options: FileTargetOptions) {
    this.#options = options
  }

  isTarget(): boolean {
    return false
  }

  store(record: FailedRecord, letter: DeadLetter): void {
    const bytes = Buffer.from(letterLine(record, letter.error))
    this.#options.pending.take(bytes.length)
    this.#lines.push({ bytes, letter })
    this.#running ??= this.#run()
  }

  /** Writes the collected lines until none is left. It never rejects. */
  async #run(): Promise<void> {
    // Dead letters of this turn are part of the first write.
    await null
    while (this.#lines.length > 0) {
      const lines = this.#lines
      this.#lines = []
      let failure: unknown = null
      try {
        await this.#write(lines.map(({ bytes }) => bytes))
      } catch (error) {
        failure = error
        await this.#closeFile()
      }
      for (const { bytes, letter } of lines) {
        this.#options.pending.release(bytes.length)
        letter.end(failure)
      }
    }
    this.#running = null
  }

  async #write(chunks: readonly Buffer[]): Promise<void> {
    this.#file ??= await this.#open()
    await this.#file.write(chunks, this.#position)
    if (this.#options.isSynced) await this.#file.sync()
    for (const { length } of chunks) this.#position += length
  }

  /** Moves to the end of the file; an incomplete last line is ended there. */
  async #open(): Promise<OpenFile> {
    const { path } = this.#options
    const files = await this.#options.files()
    const file = await files.open(path, 'update').catch((error) => {
      if (fileErrorCode(error) !== 'ENOENT') throw error
      return files.open(path, 'create')
    })
    const { bytes } = await file.stat()
    this.#position = bytes
    const last = Buffer.alloc(1, lineEnd)
    if (bytes > 0) await file.read(last, bytes - 1)
    if (last[0] === lineEnd) return file
    await file.write([Buffer.alloc(1, lineEnd)], bytes)
    this.#position++
    return file
  }

  async #closeFile(): Promise<void> {
    const file = this.#file
    this.#file = null
    await file?.close().catch(() => {})
  }

  async close(): Promise<void> {
    await this.#running
    await this.#closeFile()
  }
}
