import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import type { Input } from '../../src/protocol/schema/api.ts'
import { defineApi } from '../../src/protocol/schema/api.ts'
import type { MessageSchema } from '../../src/protocol/schema/message.ts'
import { int64Max } from '../../src/protocol/schema/message.ts'

const request = {
  name: 'SampleRequest',
  validVersions: '1-4',
  flexibleVersions: '3+',
  fields: [
    { name: 'Number', type: 'int32', versions: '0+', default: 7 },
    { name: 'Kept', type: 'string', versions: '2+', default: 'k' },
    { name: 'Dropped', type: 'int64', versions: '2+', ignorable: true },
    { name: 'Old', type: 'bool', versions: '0-1' },
    { name: 'Text', type: 'string', versions: '0+', nullableVersions: '2+' },
    {
      name: 'Parts',
      type: '[]Part',
      versions: '0+',
      nullableVersions: '4+',
      fields: [
        { name: 'Index', type: 'int32', versions: '0+' },
        { name: 'Id', type: 'uuid', versions: '4+' },
      ],
    },
    {
      name: 'Maybe',
      type: 'Point',
      versions: '4+',
      nullableVersions: '4+',
      default: null,
      fields: [{ name: 'X', type: 'int8', versions: '4+', default: 3 }],
    },
    {
      name: 'Leader',
      type: 'Leader',
      versions: '3+',
      taggedVersions: '3+',
      tag: 1,
      fields: [
        { name: 'LeaderId', type: 'int32', versions: '3+', default: -1 },
        { name: 'Epoch', type: 'int32', versions: '3+', default: -1 },
      ],
    },
    {
      name: 'Limit',
      type: 'int64',
      versions: '3+',
      taggedVersions: '3+',
      tag: 0,
      default: int64Max,
    },
  ],
} as const satisfies MessageSchema

const api = defineApi({
  key: 99,
  name: 'Sample',
  clientVersions: { min: 1, max: 4 },
  request,
  response: { ...request, name: 'SampleResponse' } as const,
})

type Sample = ReturnType<typeof api.decodeRequest>

const encode = (value: Input<Sample>, version: number): Uint8Array => {
  const writer = new Writer()
  api.encodeRequest(writer, value, version)
  return writer.finish()
}

const decode = (hex: string, version: number): Sample =>
  api.decodeRequest(new Reader(Buffer.from(hex.replaceAll(' ', ''), 'hex')), version)

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const defaults: Sample = {
  number: 7,
  kept: 'k',
  dropped: 0,
  old: false,
  text: '',
  parts: [],
  maybe: null,
  leader: { leaderId: -1, epoch: -1 },
  limit: int64Max,
}

describe('a schema', () => {
  it('knows its versions', () => {
    assert.deepEqual(api.versions, { min: 1, max: 4 })
    assert.equal(api.isFlexible(2), false)
    assert.equal(api.isFlexible(3), true)
    assert.equal(api.isFlexible(99), true)
    assert.throws(() => encode({}, 5), { code: 'UNSUPPORTED_VERSION' })
    assert.throws(() => encode({}, 0), { code: 'UNSUPPORTED_VERSION' })
    assert.throws(() => encode({}, 1.5), { code: 'UNSUPPORTED_VERSION' })
  })

  it('writes defaults for missing fields, and reads them for fields that the version lacks', () => {
    assert.equal(hex(encode({}, 1)), '00000007000000' + '00000000')
    assert.equal(
      hex(encode({ number: undefined }, 2)),
      `0000000700016b${'0'.repeat(16)}000000000000`,
    )
    for (const version of [1, 2, 3, 4]) {
      assert.deepEqual(decode(hex(encode({}, version)), version), defaults)
    }
  })

  it('rejects a value that the version would lose, unless it may be dropped', () => {
    assert.throws(() => encode({ kept: 'other' }, 1), {
      code: 'UNSUPPORTED_VERSION',
      message: /SampleRequest\.kept cannot be encoded in version 1/,
    })
    assert.throws(() => encode({ old: true }, 2), { code: 'UNSUPPORTED_VERSION' })
    assert.throws(() => encode({ leader: { leaderId: 3 } }, 2), { code: 'UNSUPPORTED_VERSION' })
    assert.throws(() => encode({ maybe: {} }, 3), { code: 'UNSUPPORTED_VERSION' })
    const id = new Uint8Array(16).fill(1)
    assert.throws(() => encode({ parts: [{ id }] }, 3), {
      message: /SampleRequest\.parts\[\]\.id/,
    })
    const same = hex(encode({}, 1))
    assert.equal(hex(encode({ kept: 'k', old: false, dropped: 5 }, 1)), same)
    assert.equal(hex(encode({ leader: { leaderId: -1 }, maybe: null }, 1)), same)
  })

  it('writes null only where the version knows null', () => {
    assert.throws(() => encode({ text: null }, 1), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => encode({ parts: null }, 3), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => encode({ number: null as never }, 4), { code: 'INVALID_ARGUMENT' })
    assert.equal(decode(hex(encode({ text: null }, 2)), 2).text, null)
    assert.equal(decode(hex(encode({ parts: null }, 4)), 4).parts, null)
    // Number 7, kept 'k', dropped 0, then the text: null, which version 1 does not know.
    assert.throws(() => decode('00000007 00 ffff 00000000', 1), { code: 'MALFORMED_RESPONSE' })
    assert.throws(() => decode('00000007 00 0000 ffffffff', 1), { code: 'MALFORMED_RESPONSE' })
  })

  it('carries structs that may be null', () => {
    assert.deepEqual(decode(hex(encode({ maybe: { x: 9 } }, 4)), 4).maybe, { x: 9 })
    assert.deepEqual(decode(hex(encode({ maybe: {} }, 4)), 4).maybe, { x: 3 })
    assert.equal(decode(hex(encode({ maybe: null }, 4)), 4).maybe, null)
  })

  it('writes tagged fields in the order of their tags, and only what is not default', () => {
    const start = `00000007026b${'0'.repeat(16)}0101`
    assert.equal(hex(encode({ leader: { leaderId: -1 }, limit: int64Max }, 3)), `${start}00`)
    const both = encode({ leader: { epoch: 5 }, limit: 1 }, 3)
    const limit = '00' + '08' + '0000000000000001'
    const leader = '01' + '09' + 'ffffffff00000005' + '00'
    assert.equal(hex(both), `${start}02${limit}${leader}`)
    const read = decode(hex(both), 3)
    assert.deepEqual(read.leader, { leaderId: -1, epoch: 5 })
    assert.equal(read.limit, 1)
  })

  it('skips tagged fields that it does not know, and holds those it knows to their size', () => {
    const start = `00000007026b${'0'.repeat(16)}0101`
    const leader = '01' + '09' + '0000000400000005' + '00'
    assert.deepEqual(decode(`${start} 02 ${leader} 63 03 aabbcc`, 3).leader, {
      leaderId: 4,
      epoch: 5,
    })
    for (const tags of [
      `01 01 0a 0000000400000005 00 00`,
      `01 01 08 0000000400000005`,
      `01 63 04 aabbcc`,
      `02 63 01 aa`,
    ]) {
      assert.throws(() => decode(`${start} ${tags}`, 3), { code: 'MALFORMED_RESPONSE' }, tags)
    }
  })

  it('rejects bytes left over', () => {
    const bytes = hex(encode({}, 1))
    assert.throws(() => decode(`${bytes}00`, 1), {
      code: 'MALFORMED_RESPONSE',
      message: /Sample v1 request: 1 bytes more than expected/,
    })
  })

  it('rejects a value of another type', () => {
    assert.throws(() => encode({ number: '7' as never }, 1), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => encode({ parts: {} as never }, 1), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => encode({ parts: [null as never] }, 1), { code: 'INVALID_ARGUMENT' })
    assert.throws(() => encode({ text: 5 as never }, 1), { code: 'INVALID_ARGUMENT' })
  })

  it('never changes what it is given', () => {
    const value = Object.freeze({ parts: Object.freeze([Object.freeze({ index: 1 })]) })
    encode(value, 3)
    assert.deepEqual(value, { parts: [{ index: 1 }] })
  })
})
