import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordSplitter } from '../../src/produce/record-splitter.ts'

/** All records of the chunks, as copies: a record is good until the next feed only. */
const split = (chunks: readonly Buffer[], delimiter: Buffer): Buffer[] => {
  const splitter = new RecordSplitter(delimiter)
  const records: Buffer[] = []
  for (const chunk of chunks) {
    // As a reader does that uses its memory again.
    const lent = Buffer.from(chunk)
    splitter.feed(lent)
    for (let record = splitter.next(); record !== null; record = splitter.next()) {
      records.push(Buffer.from(record))
    }
    lent.fill(0x21)
  }
  const last = splitter.end()
  if (last !== null) records.push(Buffer.from(last))
  assert.equal(splitter.count, records.length)
  return records
}

/** The same, said simply: on latin1 text, which has a character for each byte. */
const model = (content: Buffer, delimiter: Buffer): string[] => {
  const parts = content.toString('latin1').split(delimiter.toString('latin1'))
  return parts.at(-1) === '' ? parts.slice(0, -1) : parts
}

// Few different bytes, so that delimiters come up often, whole and in part.
const bytes = fc.array(fc.constantFrom(0x0a, 0x0d, 0x61), { maxLength: 40 })

test('however the bytes are cut into chunks, the records are those between the delimiters', () => {
  fc.assert(
    fc.property(
      fc.array(bytes, { maxLength: 8 }),
      fc.array(fc.constantFrom(0x0a, 0x0d), { minLength: 1, maxLength: 3 }),
      (chunks, delimiterBytes) => {
        const delimiter = Buffer.from(delimiterBytes)
        const buffers = chunks.map((chunk) => Buffer.from(chunk))
        const records = split(buffers, delimiter).map((record) => record.toString('latin1'))
        assert.deepEqual(records, model(Buffer.concat(buffers), delimiter))
      },
    ),
    { numRuns: 500 },
  )
})

test('a record over many chunks is joined, also of bytes that are not text', () => {
  const noise = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index % 255) + 11))
  const content = Buffer.concat([noise.filter((byte) => byte !== 10), Buffer.from('\nb')])
  const chunks = Array.from({ length: Math.ceil(content.length / 7) }, (_, index) =>
    content.subarray(index * 7, index * 7 + 7),
  )
  const records = split(chunks, Buffer.from('\n'))
  assert.equal(records.length, 2)
  assert.ok(Buffer.concat([records[0]!, Buffer.from('\n'), records[1]!]).equals(content))
})

test('a stream without any delimiter fails before it fills the memory, and says why', () => {
  const splitter = new RecordSplitter(Buffer.from('\n'))
  const chunk = Buffer.alloc(8 * 1024 * 1024, 'a')
  const feedAll = (): void => {
    for (let index = 0; index < 14; index++) {
      splitter.feed(chunk)
      assert.equal(splitter.next(), null)
    }
  }
  assert.throws(feedAll, /Record 1 has more than 104857600 bytes: check the delimiter/)
})
