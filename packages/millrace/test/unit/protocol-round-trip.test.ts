// Every API, every version, both directions: what is encoded comes back equal.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { apiByKey, apis, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
} from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import type { FieldSchema } from '../../src/protocol/schema/message.ts'
import { propertyName } from '../../src/protocol/schema/message.ts'
import { messageArbitrary, structDefault } from './protocol-arbitraries.ts'

const runs = 25

const finished = (write: (writer: Writer) => void): Uint8Array => {
  const writer = new Writer(16)
  write(writer)
  return writer.finish()
}

const propertiesAreDistinct = (fields: readonly FieldSchema[]): void => {
  const names = fields.map((field) => propertyName(field.name))
  assert.equal(new Set(names).size, names.length)
  for (const field of fields) propertiesAreDistinct(field.fields ?? [])
}

describe('every message comes back as it was encoded', () => {
  for (const api of apis) {
    it(api.name, () => {
      const { min, max } = api.versions
      assert.ok(max >= min)
      for (let version = min; version <= max; version += 1) {
        fc.assert(
          fc.property(messageArbitrary(api.requestSchema, version), (value) => {
            const bytes = finished((writer) => api.encodeRequest(writer, value, version))
            assert.deepEqual(api.decodeRequest(new Reader(bytes), version), value)
          }),
          { numRuns: runs },
        )
        fc.assert(
          fc.property(messageArbitrary(api.responseSchema, version), (value) => {
            const bytes = finished((writer) => api.encodeResponse(writer, value, version))
            assert.deepEqual(api.decodeResponse(new Reader(bytes), version), value)
          }),
          { numRuns: runs },
        )
      }
    })
  }
})

describe('an empty value stands for all defaults', () => {
  for (const api of apis) {
    it(api.name, () => {
      for (let version = api.versions.min; version <= api.versions.max; version += 1) {
        const request = finished((writer) => api.encodeRequest(writer, {}, version))
        const requestDefault = structDefault(api.requestSchema.fields)
        assert.deepEqual(api.decodeRequest(new Reader(request), version), requestDefault)
        const response = finished((writer) => api.encodeResponse(writer, {}, version))
        const responseDefault = structDefault(api.responseSchema.fields)
        assert.deepEqual(api.decodeResponse(new Reader(response), version), responseDefault)
      }
    })
  }
})

describe('the catalogue', () => {
  it('has each API once, its two schemas agree, and the client stays within them', () => {
    assert.equal(apiByKey.size, apis.length)
    for (const api of apis) {
      assert.equal(api.requestSchema.name, `${api.name}Request`)
      assert.equal(api.responseSchema.name, `${api.name}Response`)
      assert.equal(api.requestSchema.validVersions, api.responseSchema.validVersions)
      assert.equal(api.requestSchema.flexibleVersions, api.responseSchema.flexibleVersions)
      assert.ok(api.clientVersions.min >= api.versions.min, api.name)
      assert.ok(api.clientVersions.max <= api.versions.max, api.name)
      assert.ok(api.clientVersions.min <= api.clientVersions.max, api.name)
      propertiesAreDistinct(api.requestSchema.fields)
      propertiesAreDistinct(api.responseSchema.fields)
    }
  })

  it('keeps clients away from versions that are for brokers or not released', () => {
    assert.equal(apiByKey.get(24)?.clientVersions.max, 3)
    assert.equal(apiByKey.get(22)?.clientVersions.max, 5)
    assert.equal(apiByKey.get(0)?.clientVersions.min, 3)
    assert.equal(apiByKey.get(18)?.clientVersions.min, 0)
  })
})

describe('headers', () => {
  it('round-trip, flexible or not', () => {
    const int16 = fc.integer({ min: 0, max: 100 })
    fc.assert(
      fc.property(
        int16,
        int16,
        fc.integer(),
        fc.option(fc.string()),
        (key, version, id, client) => {
          const header = { apiKey: key, apiVersion: version, correlationId: id, clientId: client }
          const flexible = isFlexibleRequest(key, version)
          const bytes = finished((writer) => encodeRequestHeader(writer, header, flexible))
          const reader = new Reader(bytes)
          assert.deepEqual(decodeRequestHeader(reader, isFlexibleRequest), header)
          reader.expectEnd()
          const responseReader = new Reader(
            finished((writer) => encodeResponseHeader(writer, key, id, flexible)),
          )
          assert.equal(decodeResponseHeader(responseReader, key, flexible), id)
          responseReader.expectEnd()
        },
      ),
    )
  })

  it('have these bytes', () => {
    const bytes = (apiKey: number, flexible: boolean): string =>
      Buffer.from(
        finished((writer) =>
          encodeRequestHeader(
            writer,
            { apiKey, apiVersion: 3, correlationId: 5, clientId: 'me' },
            flexible,
          ),
        ),
      ).toString('hex')
    assert.equal(bytes(18, true), '0012000300000005' + '00026d65' + '00')
    assert.equal(bytes(0, false), '0000000300000005' + '00026d65')
  })

  it('the response to ApiVersions has the plain header, however flexible', () => {
    const plain = finished((writer) => encodeResponseHeader(writer, 18, 7, true))
    assert.equal(plain.length, 4)
    const flexible = finished((writer) => encodeResponseHeader(writer, 3, 7, true))
    assert.equal(flexible.length, 5)
  })

  it('skip tagged fields', () => {
    const reader = new Reader(Buffer.from('00000007' + '01' + '05' + '02' + 'aabb', 'hex'))
    assert.equal(decodeResponseHeader(reader, 3, true), 7)
    reader.expectEnd()
  })
})
