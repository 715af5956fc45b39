// Records as hostile or careless callers pass them: what is written is exactly what was measured,
// or the record alone is rejected; nothing of a rejected or cancelled record stays in memory.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { RecordEncoder } from '../../src/engine/batch/record-encoder.ts'
import type { ProducerRecord } from '../../src/engine/record.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

const maxRequestBytes = 100_000

const load = (record: object): RecordEncoder => {
  const encoder = new RecordEncoder(maxRequestBytes)
  encoder.load({ topic: 't', value: null, ...record } as ProducerRecord)
  return encoder
}

/** Key, value and headers as they are written. */
const written = (encoder: RecordEncoder): Buffer => {
  const target = Buffer.alloc(encoder.contentBytes + 100, 0xee)
  const end = encoder.write(target, 0)
  assert.equal(end, encoder.contentBytes, 'what is written is what was measured')
  assert.equal(target[end], 0xee)
  return target.subarray(0, end)
}

const rejection = (record: object): KafkaError => {
  try {
    load(record)
  } catch (error) {
    assert.ok(error instanceof KafkaError, String(error))
    return error
  }
  throw new Error('the record was taken')
}

describe('bytes whose length property is wrong', () => {
  const real = written(load({ value: new Uint8Array([1, 2, 3, 4]) }))
  const withLength = (length: unknown): Uint8Array => {
    const bytes = new Uint8Array([1, 2, 3, 4])
    Object.defineProperty(bytes, 'length', { value: length })
    return bytes
  }
  class Longer extends Uint8Array {
    override get length(): number {
      return 9000
    }
  }

  for (const length of [9000, 2, -1, undefined, 'x', Number.NaN]) {
    it(`a value with the own length ${String(length)} is written as it is`, () => {
      assert.deepEqual(written(load({ value: withLength(length) })), real)
    })
  }

  it('a subclass is written as it is, as key, value and header', () => {
    const bytes = new Longer([1, 2, 3, 4])
    const plain = Buffer.from([1, 2, 3, 4])
    const record = (one: Uint8Array) => ({ key: one, value: one, headers: { h: one } })
    assert.deepEqual(written(load(record(bytes))), written(load(record(plain))))
  })

  it('objects that only look like bytes are rejected', () => {
    for (const value of [Object.create(Uint8Array.prototype), new Proxy(new Uint8Array(3), {})]) {
      assert.equal(rejection({ value }).code, 'INVALID_ARGUMENT')
      assert.equal(rejection({ key: value }).code, 'INVALID_ARGUMENT')
      assert.equal(rejection({ headers: { h: value } }).code, 'INVALID_ARGUMENT')
    }
  })
})

interface Resizable extends ArrayBuffer {
  resize(bytes: number): void
}

/** Of ECMAScript 2024, which the declarations here do not have. */
const resizable = (bytes: number): Resizable =>
  Reflect.construct(ArrayBuffer, [bytes, { maxByteLength: 1000 }])

describe('buffers that change', () => {
  it('a detached buffer is rejected, an empty one is not', () => {
    for (const size of [5, 500]) {
      const bytes = new Uint8Array(size)
      structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
      assert.match(rejection({ value: bytes }).message, /^record\.value must be readable bytes/)
      assert.match(rejection({ key: bytes }).message, /^record\.key must be readable bytes/)
      assert.match(rejection({ headers: { h: bytes } }).message, /must be readable bytes/)
    }
    assert.equal(load({ value: new Uint8Array(0) }).valueLength, 0)
  })

  it('a value that a partitioner resized is rejected', () => {
    for (const field of ['key', 'value']) {
      for (const size of [10, 500]) {
        const buffer = resizable(100)
        const encoder = load({ [field]: new Uint8Array(buffer) })
        encoder.checkUnchanged()
        buffer.resize(size)
        if (field === 'key' && size > 100) written(encoder)
        else assert.throws(() => encoder.checkUnchanged(), { code: 'INVALID_ARGUMENT' })
      }
    }
  })

  it('shared memory that grows is written with the length that was measured', () => {
    const buffer = Reflect.construct(SharedArrayBuffer, [200, { maxByteLength: 100_000 }])
    const shared = new Uint8Array(buffer).fill(1)
    const encoder = load({ key: shared, value: shared })
    const copy = encoder.copy({ wallTime: () => 0 })
    ;(buffer as SharedArrayBuffer & { grow(bytes: number): void }).grow(100_000)
    assert.equal(encoder.valueLength, 200)
    assert.deepEqual(written(encoder), written(copy))
  })

  it('a getter of a header can not change what was measured', () => {
    const buffer = resizable(100)
    const value = new Uint8Array(buffer)
    const headers = {
      get h() {
        buffer.resize(10)
        return 'x'
      },
    }
    const encoder = load({ value, headers })
    assert.equal(encoder.valueLength, 10)
    written(encoder)
  })
})

describe('records that are wrong', () => {
  it('a getter or a proxy that throws is an INVALID_ARGUMENT with its cause', () => {
    const cause = new TypeError('evil')
    const throwing = () => {
      throw cause
    }
    const records = ['topic', 'key', 'value', 'headers', 'partition', 'timestamp'].map((name) =>
      Object.defineProperty({ topic: 't', value: 'x' }, name, { get: throwing }),
    )
    records.push(new Proxy({ topic: 't', value: 'x' }, { get: throwing }))
    records.push({
      topic: 't',
      value: 'x',
      headers: {
        get h() {
          return throwing()
        },
      },
    } as never)
    const encoder = new RecordEncoder(maxRequestBytes)
    for (const record of records) {
      assert.throws(
        () => encoder.load(record),
        (error: KafkaError) => error.code === 'INVALID_ARGUMENT' && error.cause === cause,
      )
    }
  })

  it('an unknown field is named with the nearest one, where there is no value', () => {
    const message = (record: object): string => {
      const encoder = new RecordEncoder(maxRequestBytes)
      try {
        encoder.load(record as ProducerRecord)
      } catch (error) {
        return (error as KafkaError).message
      }
      return 'taken'
    }
    assert.equal(
      message({ topic: 't', vaule: 'x' }),
      'Unknown field "vaule" of a record: did you mean "value"?',
    )
    assert.match(message({ topic: 't', messages: [{ value: 'x' }] }), /call sendBatch\(/)
    assert.match(message({ topic: 't' }), /^record\.value must be a string/)
    assert.equal(message({ topic: 't', value: null, more: 1 }), 'taken')
  })

  it('topic names that Kafka does not allow are rejected', () => {
    for (const topic of ['', '.', '..', 'a b', 'ä', 'x'.repeat(250), 'x'.repeat(40_000), 'a\n']) {
      assert.equal(rejection({ topic }).code, 'INVALID_ARGUMENT', topic)
      assert.ok(rejection({ topic }).message.length < 300)
    }
    for (const topic of ['a', '_.-', 'x'.repeat(249)]) assert.equal(load({ topic }).topic, topic)
  })

  it('records that are too large are rejected before anything of their size is allocated', () => {
    const huge = 'ü'.repeat(20_000_000)
    const allocated = process.memoryUsage().arrayBuffers
    for (const record of [
      { value: huge },
      { key: huge },
      { headers: { h: huge } },
      { headers: [[huge, 'x']] },
      { value: new Uint8Array(new SharedArrayBuffer(maxRequestBytes)) },
    ]) {
      assert.equal(rejection(record).code, 'RECORD_TOO_LARGE')
    }
    assert.ok(process.memoryUsage().arrayBuffers - allocated < 1_000_000)
  })

  it('nothing of a record that was unloaded is kept', () => {
    const encoder = load({
      key: 'k'.repeat(50_000),
      value: new Uint8Array(20_000),
      headers: { h: 'x'.repeat(10_000) },
    })
    written(encoder)
    encoder.unload()
    assert.equal(encoder.value, null)
    assert.equal(encoder.keyBytes.length, 0)
    assert.ok(encoder.headerBytes.length <= 65_536)
  })
})
