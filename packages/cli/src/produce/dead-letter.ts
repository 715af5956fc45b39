// The file of the records that were not delivered: one JSON object a line, in the form that
// `produce --format json` reads, with base64 for bytes that are not UTF-8. It is only appended to,
// so records of earlier runs stay. sending.ts adds records and must await `ready`, or memory grows.
// Callers: produce-command.ts, sending.ts, and record-counts.ts.

import { once } from 'node:events'
import { constants, createWriteStream, openSync, statSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Writable } from 'node:stream'
import { KafkaError, type ProducerRecord, printableText } from 'millrace'
import { Failure } from '../describe-failure.ts'
import { jsonText } from '../json-text.ts'
import { pause } from '../runtime/time.ts'
import { fileIdOf } from './file-id.ts'
import { dataField, headersField } from './record-json.ts'

/** The facts about a failure that the file stores. */
export interface FailureDetails {
  readonly code: string
  readonly message: string
  readonly persisted: 'no' | 'maybe'
}

const headersOf = (headers: ProducerRecord['headers']): object =>
  // The input formats make headers as pairs only.
  headers === undefined ? {} : headersField(headers as Parameters<typeof headersField>[0])

const errorField = (failure: FailureDetails): object => {
  const context =
    failure instanceof KafkaError
      ? {
          kind: failure.kind,
          ...(failure.brokerError === undefined ? {} : { brokerError: failure.brokerError }),
          ...(failure.attempts === undefined ? {} : { attempts: failure.attempts }),
        }
      : {}
  const { code, message, persisted } = failure
  return { error: { code, persisted, message: printableText(message), ...context } }
}

/** A record as a line of the file. */
export const deadLetterOf = (
  record: ProducerRecord,
  failure: FailureDetails,
  line: number,
): string => {
  const { topic, key, value, headers, partition, timestamp } = record
  const letter = {
    topic,
    ...dataField('key', key ?? undefined),
    ...dataField('value', value),
    ...headersOf(headers),
    ...(partition === undefined ? {} : { partition }),
    ...(timestamp === undefined ? {} : { timestamp }),
    line,
    ...errorField(failure),
  }
  return `${jsonText(letter)}\n`
}

/**
 * A line for bytes that are not a record. `raw` is not a field of a record, so it can't be sent
 * again.
 */
export const unreadableLetterOf = (
  bytes: Uint8Array,
  failure: FailureDetails,
  line: number,
): string => `${jsonText({ ...dataField('raw', bytes), line, ...errorField(failure) })}\n`

/** How often a named pipe is checked for its reader. */
const readerCheckMs = 50

/**
 * Waits until a process reads the named pipe; null = the signal aborted first. Opening it as a file
 * would block in the kernel, and a process that is blocked there does not exit on a signal.
 */
const openPipe = async (path: string, signal: AbortSignal): Promise<number | null> => {
  while (!signal.aborted) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error
    }
    await pause(readerCheckMs, signal)
  }
  return null
}

export class DeadLetterFile {
  readonly path: string
  /** Identifies the file independently of its name; null if it is not a regular file. */
  readonly fileId: string | null
  readonly #stream: Writable
  #count = 0
  #error: Error | null = null

  private constructor(path: string, stream: Writable, descriptor: number) {
    this.path = path
    this.fileId = fileIdOf(descriptor)
    this.#stream = stream
    stream.on('error', (error) => {
      this.#error = error
    })
  }

  /** null = the signal aborted while a named pipe had no reader. */
  static async open(path: string, signal: AbortSignal): Promise<DeadLetterFile | null> {
    try {
      if (statSync(path, { throwIfNoEntry: false })?.isFIFO() === true) {
        const descriptor = await openPipe(path, signal)
        if (descriptor === null) return null
        const socket = new Socket({ fd: descriptor, readable: false, writable: true })
        return new DeadLetterFile(path, socket, descriptor)
      }
      const stream = createWriteStream(path, { flags: 'a' })
      const [descriptor] = await once(stream, 'open')
      return new DeadLetterFile(path, stream, descriptor as number)
    } catch (error) {
      throw new Failure(`The dead letters can't be written: ${(error as Error).message}.`)
    }
  }

  /** The number of records added. */
  get count(): number {
    return this.#count
  }

  /** Why the file can't be written; null = it can. */
  get error(): Error | null {
    return this.#error
  }

  add(line: string): void {
    this.#count++
    if (this.#error === null) this.#stream.write(line)
  }

  /** Resolves when most of the added bytes have been passed to the operating system. */
  async ready(): Promise<void> {
    while (this.#stream.writableNeedDrain && this.#error === null) {
      // An error also ends the wait; `error` stores it.
      await once(this.#stream, 'drain').catch(() => {})
    }
  }

  /** Resolves when all bytes are passed to the operating system, or `error` is set. */
  async close(): Promise<void> {
    if (this.#error !== null) return
    const closed = once(this.#stream, 'close')
    this.#stream.end()
    await closed.catch(() => {})
  }
}
