// The file of the records that were not delivered, one JSON object a line, in the form that
// `produce --format json` reads: bytes that are no UTF-8 stand in base64. It is appended to, never
// cut: an older run's records stay. The owner adds records and waits for `ready` now and then.

import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { KafkaError, type ProducerRecord, printableText } from 'millrace'
import { Failure } from '../describe-failure.ts'
import { jsonText } from '../json-text.ts'
import { fileIdOf } from './file-id.ts'
import { dataField, headersField } from './record-json.ts'

/** What is written of a failure. */
export interface Mishap {
  readonly code: string
  readonly message: string
  readonly persisted: 'no' | 'maybe'
}

const headersOf = (headers: ProducerRecord['headers']): object =>
  // The formats make pairs only.
  headers === undefined ? {} : headersField(headers as Parameters<typeof headersField>[0])

const errorField = (mishap: Mishap): object => {
  const context =
    mishap instanceof KafkaError
      ? {
          kind: mishap.kind,
          ...(mishap.brokerError === undefined ? {} : { brokerError: mishap.brokerError }),
          ...(mishap.attempts === undefined ? {} : { attempts: mishap.attempts }),
        }
      : {}
  const { code, message, persisted } = mishap
  return { error: { code, persisted, message: printableText(message), ...context } }
}

/** A record as a line of the file. */
export const deadLetterOf = (record: ProducerRecord, mishap: Mishap, line: number): string => {
  const { topic, key, value, headers, partition, timestamp } = record
  const letter = {
    topic,
    ...dataField('key', key ?? undefined),
    ...dataField('value', value),
    ...headersOf(headers),
    ...(partition === undefined ? {} : { partition }),
    ...(timestamp === undefined ? {} : { timestamp }),
    line,
    ...errorField(mishap),
  }
  return `${jsonText(letter)}\n`
}

/** Bytes of which no record could be made; `raw` is not a field of a record: it can't be resent. */
export const deadLineOf = (bytes: Uint8Array, mishap: Mishap, line: number): string =>
  `${jsonText({ ...dataField('raw', bytes), line, ...errorField(mishap) })}\n`

export class DeadLetterFile {
  readonly path: string
  /** Which file it is, whatever its name; null if it is not a file. */
  readonly fileId: string | null
  readonly #stream: WriteStream
  #count = 0
  #error: Error | null = null

  private constructor(path: string, stream: WriteStream, descriptor: number) {
    this.path = path
    this.fileId = fileIdOf(descriptor)
    this.#stream = stream
    stream.on('error', (error) => {
      this.#error = error
    })
  }

  static async open(path: string): Promise<DeadLetterFile> {
    const stream = createWriteStream(path, { flags: 'a' })
    let opened: readonly unknown[]
    try {
      opened = await once(stream, 'open')
    } catch (error) {
      throw new Failure(`The dead letters can't be written: ${(error as Error).message}.`)
    }
    return new DeadLetterFile(path, stream, opened[0] as number)
  }

  /** Records handed over. */
  get count(): number {
    return this.#count
  }

  /** Why the file does not take any more; null = it does. */
  get error(): Error | null {
    return this.#error
  }

  add(line: string): void {
    this.#count++
    if (this.#error === null) this.#stream.write(line)
  }

  /** Waits until most of what was added is with the operating system. */
  async ready(): Promise<void> {
    while (this.#stream.writableNeedDrain && this.#error === null) {
      // An error ends the wait too: `error` keeps it.
      await once(this.#stream, 'drain').catch(() => {})
    }
  }

  /** All is with the operating system, or `error` says why not. */
  async close(): Promise<void> {
    if (this.#error !== null) return
    const closed = once(this.#stream, 'close')
    this.#stream.end()
    await closed.catch(() => {})
  }
}
