// The other direction, by hand: Java's client reads batches that ours made, with each codec and
// each library, and finds the same records.
//   KAFKA_CLASSPATH='…/libs/*' node check-with-java.ts      (Node 22.18 or later)

import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CompressionType } from '../../../src/protocol/compression/codec.ts'
import { codecOf, compressionTypes } from '../../../src/protocol/compression/codecs.ts'
import { loadPortableLz4 } from '../../../src/protocol/compression/lz4.ts'
import { loadPortableSnappy } from '../../../src/protocol/compression/snappy.ts'
import { portableZstd } from '../../../src/protocol/compression/zstd.ts'
import type { RecordToEncode } from '../../../src/protocol/records/encode-batch.ts'
import { encodeBatch, patchCrc } from '../../../src/protocol/records/encode-batch.ts'
import { batchHeaderBytes, batchOffsets } from '../../../src/protocol/records/layout.ts'

const classpath = process.env.KAFKA_CLASSPATH
assert.ok(classpath, 'set KAFKA_CLASSPATH (see the head of check-with-java.ts)')

const time = 1_700_000_000_000
const cases: Readonly<Record<string, readonly RecordToEncode[]>> = {
  one: [{ key: null, value: null, timestamp: time }],
  headers: [
    {
      key: '',
      value: 'x',
      timestamp: time,
      headers: [
        ['a', null],
        ['a', 'b'],
      ],
    },
  ],
  json: Array.from({ length: 5000 }, (_, id) => ({
    key: `order-${id}`,
    value: JSON.stringify({ id, customer: `customer-${id % 97}`, amount: (id * 31) % 1000 }),
    timestamp: time + (id % 50) - 25,
  })),
  noise: Array.from({ length: 50 }, () => ({ value: randomBytes(6000), timestamp: time })),
  large: [{ key: 'large', value: Buffer.alloc(3_000_000, 'abcdefg'), timestamp: time }],
}

const hex = (value: Uint8Array | string | null | undefined): string =>
  value === null || value === undefined ? 'null' : Buffer.from(value as Uint8Array).toString('hex')

/** The batch again, its records compressed by another library. */
const recompressed = (plain: Uint8Array, codecId: number, area: Uint8Array): Buffer => {
  const batch = Buffer.concat([plain.subarray(0, batchHeaderBytes), area])
  batch.writeInt32BE(batch.length - batchOffsets.partitionLeaderEpoch, batchOffsets.batchLength)
  batch.writeInt16BE(codecId, batchOffsets.attributes)
  patchCrc(batch)
  return batch
}

const portables = { snappy: loadPortableSnappy(), lz4: loadPortableLz4(), zstd: portableZstd() }
await portables.zstd.load()
const levels: Partial<Record<CompressionType, number[]>> = { gzip: [1, 9], zstd: [-100, 1, 19] }

const input: string[] = []
const expected: string[] = []
for (const [name, records] of Object.entries(cases)) {
  const plain = encodeBatch(records, { baseOffset: 7 })
  const area = plain.subarray(batchHeaderBytes)
  for (const compression of compressionTypes) {
    const codec = codecOf(compression)
    await codec.load()
    const batches = [undefined, ...(levels[compression] ?? [])].map((level) =>
      encodeBatch(records, { baseOffset: 7, compression, level }),
    )
    batches.push(
      await new Promise((resolve, reject) => {
        codec.compress(area, undefined, (error, bytes) => {
          if (bytes === null) reject(error)
          else resolve(recompressed(plain, codec.id, bytes))
        })
      }),
    )
    if (compression in portables) {
      const portable = portables[compression as keyof typeof portables]
      batches.push(recompressed(plain, codec.id, portable.compressSync(area, undefined)))
    }
    for (const batch of batches) {
      input.push(`${compression} ${name} ${hex(batch)}`)
      for (const [index, { key, value, headers, timestamp }] of records.entries()) {
        const pairs = (headers ?? []).map(([header, each]) => `${header}=${hex(each)}`)
        expected.push(
          `${compression} ${name} ${7 + index} ${timestamp} ${hex(key)} ${hex(value)} ${pairs}`,
        )
      }
    }
  }
}

const program = join(fileURLToPath(new URL('.', import.meta.url)), 'JavaBatches.java')
const output = execFileSync('java', ['-cp', classpath, program, 'read'], {
  input: `${input.join('\n')}\n`,
  stdio: ['pipe', 'pipe', 'ignore'],
  maxBuffer: 2 ** 30,
})
const lines = output.toString().trimEnd().split('\n')
assert.equal(lines.length, expected.length)
for (const [index, line] of lines.entries()) assert.ok(line.trim() === expected[index]?.trim())
console.log(`Java read ${input.length} batches with ${lines.length} records as they were written`)
