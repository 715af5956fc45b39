import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FrameSplitter, MalformedFrameError } from '../../src/net/frame-splitter.ts'

const framed = (frame: Uint8Array): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}

const takeAll = (splitter: FrameSplitter): Buffer[] => {
  const frames: Buffer[] = []
  for (let frame = splitter.take(); frame !== null; frame = splitter.take()) {
    frames.push(Buffer.from(frame))
  }
  return frames
}

const split = (splitter: FrameSplitter, chunks: readonly Uint8Array[]): Buffer[] =>
  chunks.flatMap((chunk) => {
    splitter.push(chunk)
    return takeAll(splitter)
  })

describe('the frame splitter', () => {
  it('gives the same frames however the bytes are cut', () => {
    const frames = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 })
    fc.assert(
      fc.property(frames, fc.array(fc.nat(30), { minLength: 1 }), (originals, cuts) => {
        const bytes = Buffer.concat(originals.map(framed))
        const chunks: Uint8Array[] = []
        for (let start = 0, index = 0; start < bytes.length; index++) {
          // A cut of 0 is an empty chunk now and then, but never only empty ones.
          const size = index < 1_000 ? cuts[index % cuts.length]! : bytes.length
          chunks.push(Uint8Array.from(bytes.subarray(start, start + size)))
          start += size
        }
        const result = split(new FrameSplitter(1_000), chunks)
        assert.deepEqual(
          result,
          originals.map((original) => Buffer.from(original)),
        )
      }),
    )
  })

  it('gives two frames whole when they are cut in two at every place', () => {
    const originals = [Buffer.from('first frame'), Buffer.from('2nd')]
    const bytes = Buffer.concat(originals.map(framed))
    for (let cut = 0; cut <= bytes.length; cut++) {
      const chunks = [Buffer.from(bytes.subarray(0, cut)), Buffer.from(bytes.subarray(cut))]
      assert.deepEqual(split(new FrameSplitter(100), chunks), originals, `cut at ${cut}`)
    }
  })

  it('gives a frame that came in one chunk as a view of it', () => {
    const chunk = new Uint8Array(framed(Buffer.from('whole')))
    const splitter = new FrameSplitter(100)
    splitter.push(chunk)
    const frame = splitter.take()
    assert.equal(frame?.buffer, chunk.buffer)
  })

  it('takes a frame of 32 MiB in small pieces in linear time', () => {
    const frameBytes = 32 * 1024 * 1024
    const pieceBytes = 512
    const size = Buffer.alloc(4)
    size.writeInt32BE(frameBytes)
    const splitter = new FrameSplitter(frameBytes)
    splitter.push(size)
    assert.equal(splitter.take(), null)
    const piece = new Uint8Array(pieceBytes).fill(7)
    // Copying all that came before with each piece would move 1 TiB.
    for (let sent = pieceBytes; sent < frameBytes; sent += pieceBytes) {
      splitter.push(piece)
      assert.equal(splitter.take(), null)
    }
    splitter.push(piece)
    const frame = splitter.take()
    assert.equal(frame?.length, frameBytes)
    assert.equal(frame?.at(-1), 7)
  })

  it('does not allocate an announced size before its bytes arrive', () => {
    const before = process.memoryUsage().arrayBuffers
    const splitters = Array.from({ length: 50 }, () => {
      const splitter = new FrameSplitter(2 ** 31 - 1)
      splitter.push(Buffer.from([0x7f, 0xff, 0xff, 0xff, 1]))
      assert.equal(splitter.take(), null)
      return splitter
    })
    const grown = process.memoryUsage().arrayBuffers - before
    assert.ok(grown < splitters.length * 200_000, `${grown} bytes`)
  })

  it('fails permanently on a size that is negative or too large, and names it', () => {
    for (const [bytes, pattern] of [
      [[0xff, 0xff, 0xff, 0xfe], /negative size, -2/],
      [[0, 0, 0, 11], /size of 11 bytes, and at most 10/],
    ] as const) {
      const splitter = new FrameSplitter(10)
      splitter.push(Buffer.concat([framed(Buffer.from('good')), Buffer.from(bytes)]))
      assert.equal(Buffer.from(splitter.take()!).toString(), 'good')
      assert.throws(() => splitter.take(), pattern)
      assert.throws(() => splitter.take(), MalformedFrameError)
    }
  })

  it('gives an empty frame where the size is 0', () => {
    assert.deepEqual(split(new FrameSplitter(10), [Buffer.from([0, 0, 0, 0])]), [Buffer.alloc(0)])
  })
})
