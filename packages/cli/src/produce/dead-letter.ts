// The file of the records that were not delivered, one JSON object a line, in the form that
// `produce --format json` reads: bytes that are no UTF-8 stand in base64. It is appended to, never
// cut: an older run's records stay. The owner adds records and waits for `ready` now and then.

import { isUtf8 } from 'node:buffer'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { KafkaError, type ProducerRecord } from 'millrace'
import { Failure } from '../describe-failure.ts'

/** What is written of a failure. */
export interface Mishap {
  readonly code: string
  readonly message: string
  readonly persisted: 'no' | 'maybe'
}

const bytesOf = (data: string | Uint8Array): Buffer =>
  typeof data === 'string'
    ? Buffer.from(data)
    : Buffer.from(data.buffer, data.byteOffset, data.byteLength)

const field = (name: string, data: string | Uint8Array | null | undefined): object => {
  if (data === undefined) return {}
  if (data === null) return { [name]: null }
  const bytes = bytesOf(data)
  return isUtf8(bytes)
    ? { [name]: bytes.toString('utf8') }
    : { [`${name}Base64`]: bytes.toString('base64') }
}

const headerField = (data: string | Uint8Array | null | undefined): unknown => {
  if (data === null || data === undefined) return null
  const bytes = bytesOf(data)
  return isUtf8(bytes) ? bytes.toString('utf8') : { base64: bytes.toString('base64') }
}

const headersField = (headers: ProducerRecord['headers']): object => {
  if (headers === undefined) return {}
  // The formats make pairs only.
  const pairs = headers as readonly (readonly [string, string | Uint8Array | null])[]
  return { headers: pairs.map(([name, value]) => [name, headerField(value)]) }
}

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
  return { error: { code, persisted, message, ...context } }
}

/** A record as a line of the file. */
export const deadLetterOf = (record: ProducerRecord, mishap: Mishap, line: number): string => {
  const { topic, key, value, headers, partition, timestamp } = record
  const letter = {
    topic,
    ...field('key', key ?? undefined),
    ...field('value', value),
    ...headersField(headers),
    ...(partition === undefined ? {} : { partition }),
    ...(timestamp === undefined ? {} : { timestamp }),
    line,
    ...errorField(mishap),
  }
  return `${JSON.stringify(letter)}\n`
}

/** Bytes of which no record could be made; `raw` is no field of a record, so it can't be resent. */
export const deadLineOf = (bytes: Uint8Array, mishap: Mishap, line: number): string =>
  `${JSON.stringify({ ...field('raw', bytes), line, ...errorField(mishap) })}\n`

export class DeadLetterFile {
  readonly path: string
  readonly #stream: WriteStream
  #count = 0
  #error: Error | null = null

  private constructor(path: string, stream: WriteStream) {
    this.path = path
    this.#stream = stream
    stream.on('error', (error) => {
      this.#error = error
    })
  }

  static async open(path: string): Promise<DeadLetterFile> {
    const stream = createWriteStream(path, { flags: 'a' })
    try {
      await once(stream, 'open')
    } catch (error) {
      throw new Failure(`The dead letters can't be written: ${(error as Error).message}.`)
    }
    return new DeadLetterFile(path, stream)
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
      // An error ends the wait too: it is kept for whoever asks.
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
