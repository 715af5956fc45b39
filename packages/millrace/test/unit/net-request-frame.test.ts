import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { RequestFramer } from '../../src/net/request-frame.ts'
import { decodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'

describe('the request framer', () => {
  it('writes a header that the header codec reads, and the body behind it', () => {
    fc.assert(
      fc.property(
        fc.record({
          apiKey: fc.nat(100),
          version: fc.nat(20),
          flexible: fc.boolean(),
          chunks: fc.array(fc.uint8Array({ maxLength: 5_000 }), { maxLength: 4 }),
        }),
        fc.integer({ min: 0, max: 2 ** 31 - 1 }),
        fc.string({ maxLength: 50, unit: 'grapheme' }),
        (request, correlationId, clientId) => {
          const chunks = new RequestFramer(clientId).frame(request, correlationId)
          const frame = Buffer.concat(chunks)
          assert.equal(frame.readInt32BE(0), frame.length - 4)
          const reader = new Reader(frame, 4)
          const header = decodeRequestHeader(reader, () => request.flexible)
          const { apiKey, version } = request
          assert.deepEqual(header, { apiKey, apiVersion: version, correlationId, clientId })
          assert.deepEqual(frame.subarray(reader.offset), Buffer.concat(request.chunks))
        },
      ),
    )
  })

  it('makes one buffer of a small request, and leaves the chunks of a large one', () => {
    const framer = new RequestFramer('client')
    const request = { apiKey: 0, version: 9, flexible: true }
    const small = framer.frame({ ...request, chunks: [Buffer.alloc(10), Buffer.alloc(20)] }, 1)
    assert.equal(small.length, 1)
    const large = Buffer.alloc(9_000)
    const frame = framer.frame({ ...request, chunks: [Buffer.alloc(10), large] }, 1)
    assert.equal(frame.length, 3)
    assert.equal(frame[2], large)
  })
})
