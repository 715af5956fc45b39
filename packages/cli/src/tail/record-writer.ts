// Writes the records of `tail`: the bytes of the values, one a line, or one JSON object a line in
// the form that `produce --format json` reads. On a terminal the control characters must be
// escaped. The caller awaits `ready` between batches. Caller: tail-command.ts.

import type { Writable } from 'node:stream'
import { printableText, type TopicRecord } from 'millrace'
import { jsonText } from '../json-text.ts'
import { dataField, headersField } from '../produce/record-json.ts'
import { PieceWriter } from './piece-writer.ts'
import { Decoded, type ReadRecord } from './registry-reader.ts'

export interface WriterOptions {
  readonly format: 'lines' | 'json'
  readonly delimiter: Buffer
  readonly keyDelimiter: Buffer | undefined
  readonly nullValue: Buffer | undefined
  /** Whether the output is a terminal. */
  readonly isScreen: boolean
}

const nothing = Buffer.alloc(0)

export class RecordWriter extends PieceWriter {
  readonly #options: WriterOptions

  constructor(output: Writable, options: WriterOptions) {
    super(output)
    this.#options = options
  }

  write(record: TopicRecord | ReadRecord): void {
    if (this.#options.format === 'json') this.put(Buffer.from(`${jsonLine(record)}\n`))
    else this.#writeLine(record)
  }

  #writeLine({ key, value }: TopicRecord | ReadRecord): void {
    const { keyDelimiter, delimiter } = this.#options
    if (keyDelimiter !== undefined) {
      this.put(this.#shown(key))
      this.put(keyDelimiter)
    }
    this.put(this.#shown(value))
    this.put(delimiter)
  }

  #shown(data: Buffer | Decoded | null): Buffer {
    const { nullValue = nothing, isScreen } = this.#options
    if (data === null) return nullValue
    if (data instanceof Decoded) return Buffer.from(jsonText(data.value))
    if (!isScreen) return data
    return Buffer.from(printableText(data.toString('utf8'), Number.POSITIVE_INFINITY))
  }
}

/** Without the topic, so that `produce` sends the record to the topic of its own command line. */
const jsonLine = (record: TopicRecord | ReadRecord): string => {
  const { partition, offset, timestamp, key, value, headers } = record
  return jsonText({
    partition,
    offset,
    timestamp,
    ...partField('key', key),
    ...partField('value', value),
    ...(headers.length === 0 ? {} : headersField(headers)),
  })
}

const partField = (name: string, data: Buffer | Decoded | null): object =>
  data instanceof Decoded ? { [name]: data.value } : dataField(name, data)
