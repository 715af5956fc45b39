import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { unsignedVarintSize, varintSize, varlongSize } from '../../src/protocol/bytes/varint.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

const int64 = fc.maxSafeInteger()
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })

const uuid: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 16, maxLength: 16 })

const written = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer(1)
  write(writer)
  return writer.finish()
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const malformed = (run: () => unknown): KafkaError => {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof KafkaError, `not a KafkaError: ${error}`)
    assert.equal(error.code, 'MALFORMED_RESPONSE')
    return error
  }
  return assert.fail('no error')
}

/** Each type: a value comes back, and a truncated one is malformed whatever byte it ends at. */
const comesBack = <Value>(
  values: fc.Arbitrary<Value>,
  write: (writer: Writer, value: Value) => void,
  read: (reader: Reader) => Value,
): void => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = written((writer) => write(writer, value))
      const reader = new Reader(bytes)
      assert.deepEqual(read(reader), value)
      reader.expectEnd()
      for (let end = 0; end < bytes.length; end += 1) {
        malformed(() => read(new Reader(bytes, 0, end)))
      }
    }),
  )
}

describe('every primitive is read as it was written', () => {
  it('fixed sizes', () => {
    comesBack(
      fc.boolean(),
      (writer, value) => writer.writeBoolean(value),
      (reader) => reader.readBoolean(),
    )
    comesBack(
      fc.integer({ min: -128, max: 127 }),
      (writer, value) => writer.writeInt8(value),
      (reader) => reader.readInt8(),
    )
    comesBack(
      fc.integer({ min: -32768, max: 32767 }),
      (writer, value) => writer.writeInt16(value),
      (reader) => reader.readInt16(),
    )
    comesBack(
      fc.integer({ min: 0, max: 65535 }),
      (writer, value) => writer.writeUint16(value),
      (reader) => reader.readUint16(),
    )
    comesBack(
      int32,
      (writer, value) => writer.writeInt32(value),
      (reader) => reader.readInt32(),
    )
    comesBack(
      uint32,
      (writer, value) => writer.writeUint32(value),
      (reader) => reader.readUint32(),
    )
    comesBack(
      int64,
      (writer, value) => writer.writeInt64(value),
      (reader) => reader.readInt64(),
    )
    comesBack(
      fc.double(),
      (writer, value) => writer.writeFloat64(value),
      (reader) => reader.readFloat64(),
    )
    comesBack(
      uuid,
      (writer, value) => writer.writeUuid(value),
      (reader) => reader.readUuid(),
    )
  })

  it('variable sizes, and the sizes are known before', () => {
    comesBack(
      uint32,
      (writer, value) => writer.writeUnsignedVarint(value),
      (reader) => reader.readUnsignedVarint(),
    )
    comesBack(
      int32,
      (writer, value) => writer.writeVarint(value),
      (reader) => reader.readVarint(),
    )
    comesBack(
      int64,
      (writer, value) => writer.writeVarlong(value),
      (reader) => reader.readVarlong(),
    )
    const sizeOf = (write: (writer: Writer) => void): number => written(write).length
    fc.assert(
      fc.property(uint32, int32, int64, (unsigned, small, long) => {
        assert.equal(
          unsignedVarintSize(unsigned),
          sizeOf((writer) => writer.writeUnsignedVarint(unsigned)),
        )
        assert.equal(
          varintSize(small),
          sizeOf((writer) => writer.writeVarint(small)),
        )
        assert.equal(
          varlongSize(long),
          sizeOf((writer) => writer.writeVarlong(long)),
        )
      }),
    )
  })

  it('int64 and varlong agree with BigInt, at every power of two', () => {
    for (let power = 0; power < 53; power += 1) {
      for (const value of [2 ** power, 2 ** power - 1, -(2 ** power), 1 - 2 ** power]) {
        const fixed = Buffer.alloc(8)
        fixed.writeBigInt64BE(BigInt(value))
        assert.equal(hex(written((writer) => writer.writeInt64(value))), hex(fixed))
        const zigzag = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
        const groups: number[] = []
        let rest = zigzag
        for (; rest > 127n; rest >>= 7n) groups.push(Number(rest & 127n) | 128)
        groups.push(Number(rest))
        const bytes = written((writer) => writer.writeVarlong(value))
        assert.equal(hex(bytes), hex(Uint8Array.from(groups)))
        assert.equal(varlongSize(value), groups.length)
        assert.equal(new Reader(bytes).readVarlong(), value === 0 ? 0 : value)
      }
    }
  })

  it('producer ids are any int64: numbers up to 2^53, bigints past it', () => {
    const cases: (readonly [bigint, number | bigint])[] = [
      [-1n, -1],
      [2n ** 53n - 1n, 2 ** 53 - 1],
      [2n ** 53n, 2n ** 53n],
      [2n ** 63n - 1n, 2n ** 63n - 1n],
      [-(2n ** 63n), -(2n ** 63n)],
      [0x1234_5678_9abc_def0n, 0x1234_5678_9abc_def0n],
    ]
    for (const [value, id] of cases) {
      const fixed = Buffer.alloc(8)
      fixed.writeBigInt64BE(value)
      assert.equal(hex(written((writer) => writer.writeProducerId(id))), hex(fixed))
      assert.equal(new Reader(fixed).readProducerId(), id)
    }
    for (const wrong of [2n ** 63n, 2 ** 53, 0.5]) {
      assert.throws(
        () => written((writer) => writer.writeProducerId(wrong)),
        /type int64 must have a value of this type, got/,
      )
    }
    malformed(() => new Reader(Buffer.alloc(7)).readProducerId())
  })

  it('strings and bytes, in four forms each', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 300 })
    comesBack(
      text,
      (writer, value) => writer.writeString(value),
      (reader) => reader.readString(),
    )
    comesBack(
      fc.option(text),
      (writer, value) => writer.writeNullableString(value),
      (reader) => reader.readNullableString(),
    )
    comesBack(
      text,
      (writer, value) => writer.writeCompactString(value),
      (reader) => reader.readCompactString(),
    )
    comesBack(
      fc.option(text),
      (writer, value) => writer.writeCompactNullableString(value),
      (reader) => reader.readCompactNullableString(),
    )
    comesBack(
      bytes,
      (writer, value) => writer.writeBytes(value),
      (reader) => reader.readBytes(),
    )
    comesBack(
      fc.option(bytes),
      (writer, value) => writer.writeNullableBytes(value),
      (reader) => reader.readNullableBytes(),
    )
    comesBack(
      bytes,
      (writer, value) => writer.writeCompactBytes(value),
      (reader) => reader.readCompactBytes(),
    )
    comesBack(
      fc.option(bytes),
      (writer, value) => writer.writeCompactNullableBytes(value),
      (reader) => reader.readCompactNullableBytes(),
    )
  })
})

describe('a reader', () => {
  it('rejects int64 and varlong that a number cannot hold', () => {
    malformed(() => new Reader(Buffer.from('0020000000000000', 'hex')).readInt64())
    malformed(() => new Reader(Buffer.from('ffdfffffffffffff', 'hex')).readInt64())
    assert.equal(
      new Reader(Buffer.from('001fffffffffffff', 'hex')).readInt64(),
      Number.MAX_SAFE_INTEGER,
    )
    malformed(() => new Reader(Buffer.from('ffffffffffffffffff01', 'hex')).readVarlong())
    malformed(() => new Reader(Buffer.from('ffffffffffffffffff02', 'hex')).readVarlong())
    malformed(() => new Reader(Buffer.from('80808080808080808080', 'hex')).readVarlong())
    malformed(() => new Reader(Buffer.from('ffffffff10', 'hex')).readUnsignedVarint())
    malformed(() => new Reader(Buffer.from('8080808080', 'hex')).readUnsignedVarint())
  })

  it('compares a length with what remains before it allocates', () => {
    malformed(() => new Reader(Buffer.from('7fff61', 'hex')).readString())
    malformed(() => new Reader(Buffer.from('fffe', 'hex')).readNullableString())
    malformed(() => new Reader(Buffer.from('7fffffff00', 'hex')).readBytes())
    malformed(() => new Reader(Buffer.from('80000000', 'hex')).readNullableBytes())
    malformed(() => new Reader(Buffer.from('ffffffff0f', 'hex')).readCompactBytes())
    malformed(() => new Reader(Buffer.from('7fffffff00', 'hex')).readArrayCount(1))
    malformed(() => new Reader(Buffer.from('fffffffe', 'hex')).readArrayCount(1))
    malformed(() => new Reader(Buffer.from('0000000301020304', 'hex')).readArrayCount(2))
    malformed(() => new Reader(Buffer.from('ffffffff0f', 'hex')).readCompactArrayCount(1))
    malformed(() => new Reader(Buffer.from('ffffffff0f', 'hex')).skipTaggedFields())
    malformed(() => new Reader(new Uint8Array(8)).skip(-1))
    malformed(() => new Reader(new Uint8Array(8)).enter(9))
  })

  it('fails at the first error and repeats it', () => {
    const reader = new Reader(Buffer.from('0102030405060708', 'hex'))
    const first = malformed(() => reader.readView(9))
    assert.equal(
      malformed(() => reader.readInt8()),
      first,
    )
    assert.equal(
      malformed(() => reader.skip(0)),
      first,
    )
    assert.equal(
      malformed(() => reader.expectEnd()),
      first,
    )
    assert.equal(
      malformed(() => reader.enter(0)),
      first,
    )
    assert.equal(reader.remaining, 0)
  })

  it('stays within its part, and the part must be read to its end', () => {
    const reader = new Reader(Buffer.from('0102030405', 'hex'), 1, 4)
    const outer = reader.enter(2)
    assert.equal(reader.readInt8(), 2)
    assert.equal(reader.readInt8(), 3)
    reader.leave(outer)
    assert.equal(reader.readInt8(), 4)
    reader.expectEnd()
    malformed(() => reader.readInt8())

    const early = new Reader(Buffer.from('010203', 'hex'))
    const rest = early.enter(2)
    early.readInt8()
    malformed(() => early.leave(rest))

    const greedy = new Reader(Buffer.from('010203', 'hex'))
    greedy.enter(2)
    malformed(() => greedy.readView(3))
  })

  it('names what it was reading and where', () => {
    const reader = new Reader(Buffer.from('0001', 'hex'))
    reader.setSubject('Metadata', 'v12 response')
    const error = malformed(() => reader.readInt32())
    assert.equal(error.api, 'Metadata')
    assert.match(error.message, /Metadata v12 response: 4 bytes wanted, 2 left \(at byte 0\)/)
  })

  it('gives views of bytes and copies of uuids', () => {
    const bytes = new Uint8Array(32).fill(1)
    const reader = new Reader(bytes)
    const uuid = reader.readUuid()
    const view = reader.readView(4)
    bytes.fill(2)
    assert.deepEqual(uuid, new Uint8Array(16).fill(1))
    assert.deepEqual(view, new Uint8Array(4).fill(2))
  })
})

describe('a writer', () => {
  it('rejects what a type cannot hold, and writes nothing of it', () => {
    const writer = new Writer()
    const attempts: (() => void)[] = [
      () => writer.writeInt8(128),
      () => writer.writeInt16(-32769),
      () => writer.writeUint16(-1),
      () => writer.writeInt32(2 ** 31),
      () => writer.writeInt32(1.5),
      () => writer.writeUint32(-1),
      () => writer.writeInt64(2 ** 53),
      () => writer.writeInt64(Number.NaN),
      () => writer.writeVarlong(2 ** 53),
      () => writer.writeUnsignedVarint(2 ** 32),
      () => writer.writeUuid(new Uint8Array(15)),
      () => writer.writeString('x'.repeat(32768)),
      () => writer.writeCompactString('x'.repeat(32768)),
      () => writer.writeBytes('abc' as never),
    ]
    for (const attempt of attempts) {
      assert.throws(attempt, { code: 'INVALID_ARGUMENT' }, attempt.toString())
    }
    assert.equal(writer.size, 0)
  })

  it('grows, patches what was reserved, and is done after finish', () => {
    const writer = new Writer(1)
    const start = writer.reserve(4)
    writer.writeRaw(new Uint8Array(1000).fill(7))
    writer.patchInt32(start, writer.size - 4)
    assert.throws(() => writer.patchInt32(1001, 1))
    const bytes = writer.finish()
    assert.equal(bytes.length, 1004)
    assert.equal(new Reader(bytes).readInt32(), 1000)
    assert.ok(bytes.subarray(4).every((byte) => byte === 7))
    assert.throws(() => writer.writeInt8(1))
  })
})
