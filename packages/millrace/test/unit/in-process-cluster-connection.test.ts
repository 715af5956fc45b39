// The in-process cluster's end of a connection: frames, versions, order, and what it does not put
// up with.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameAssembler } from '../../src/in-process-cluster/frame-assembler.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import {
  apiVersionsApi,
  decodeApiVersionsResponse,
} from '../../src/protocol/api/18-api-versions.ts'
import { encodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import { batchOf, onStage, produceTo } from './in-process-cluster-kit.ts'

const framed = (frame: Uint8Array): Buffer => {
  const size = Buffer.alloc(4)
  size.writeInt32BE(frame.length)
  return Buffer.concat([size, frame])
}

test('frames come out whole and in order, wherever the stream is cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 40 })
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 12 }),
      cuts,
      (frames, sizes) => {
        const got: Uint8Array[] = []
        const assembler = new FrameAssembler(1000, (frame) => got.push(frame))
        const stream = Buffer.concat(frames.map(framed))
        for (let start = 0, index = 0; start < stream.length; index++) {
          const size = sizes[index % sizes.length]!
          assembler.push(Buffer.from(stream.subarray(start, start + size)))
          start += size
        }
        assert.deepEqual(
          got.map((frame) => [...frame]),
          frames.map((frame) => [...frame]),
        )
      },
    ),
  )
})

test('a negative or too large size is rejected before anything is allocated', () => {
  for (const size of [-1, 1001]) {
    const bytes = Buffer.alloc(4)
    bytes.writeInt32BE(size)
    assert.throws(() => new FrameAssembler(1000, () => {}).push(bytes), {
      code: 'MALFORMED_RESPONSE',
    })
  }
})

test('ApiVersions names every api that is served, within what the schemas know', () =>
  onStage({}, async ({ connect, run }) => {
    const { errorCode, apiKeys } = await run(connect().request(apiVersionsApi, 3, {}))
    assert.equal(errorCode, 0)
    const range = (key: number) => {
      const found = apiKeys.find(({ apiKey }) => apiKey === key)
      return found && [found.minVersion, found.maxVersion]
    }
    assert.deepEqual(range(0), [0, 13])
    assert.deepEqual(range(3), [0, 13])
    assert.deepEqual(range(1), [4, 18])
    assert.deepEqual(range(24), [0, 5])
  }))

test('the response to a newer ApiVersions is version 0, with error 35 and the range', () =>
  onStage({ versions: '2.4' }, async ({ connect, run }) => {
    const client = connect()
    const body = await run(client.send(18, 99, true, (writer) => writer.writeCompactString('x')))
    const response = decodeApiVersionsResponse(body.readView(body.remaining), 99)
    assert.equal(response.errorCode, errorNumber.UNSUPPORTED_VERSION)
    assert.deepEqual(response.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 3 }])
    assert.equal((await run(client.request(apiVersionsApi, 3, {}))).errorCode, 0)
  }))

test('a release before KIP-511 names no range in that response', () =>
  onStage({ versions: '2.1' }, async ({ connect, run }) => {
    const body = await run(connect().send(18, 3, true, (writer) => writer.writeCompactString('x')))
    const response = apiVersionsApi.decodeResponse(body, 0)
    assert.equal(response.errorCode, errorNumber.UNSUPPORTED_VERSION)
    assert.deepEqual(response.apiKeys, [])
  }))

test('an old release serves its versions and closes on newer ones', () =>
  onStage({ versions: '2.1', topics: { orders: 1 } }, async ({ connect, run }) => {
    const client = connect()
    const { apiKeys } = await run(client.request(apiVersionsApi, 2, {}))
    assert.equal(apiKeys.find(({ apiKey }) => apiKey === 0)?.maxVersion, 7)
    assert.equal(
      apiKeys.find(({ apiKey }) => apiKey === 60),
      undefined,
    )
    await assert.rejects(run(client.request(produceApi, 8, produceTo('orders', 0, batchOf(1)))))
    await run(client.closed)
  }))

test('a client that expects another cluster or node must bootstrap again', () =>
  onStage({ nodes: 2 }, async ({ connect, run }) => {
    const client = connect(2)
    const { clusterId } = await run(client.request(metadataApi, 12, { topics: [] }))
    const code = async (expected: { clusterId?: string | null; nodeId?: number }) =>
      (await run(client.request(apiVersionsApi, 5, expected))).errorCode
    assert.equal(await code({ clusterId, nodeId: 2 }), 0)
    assert.equal(await code({}), 0)
    assert.equal(await code({ clusterId, nodeId: 1 }), errorNumber.REBOOTSTRAP_REQUIRED)
    assert.equal(await code({ clusterId: 'other', nodeId: 2 }), errorNumber.REBOOTSTRAP_REQUIRED)
    // As Kafka 4.4: a client names both or neither.
    assert.equal(await code({ clusterId }), errorNumber.INVALID_REQUEST)
    assert.equal(await code({ nodeId: 2 }), errorNumber.INVALID_REQUEST)
  }))

test('a table of versions may be given', () =>
  onStage({ versions: { ApiVersions: [0, 3], Metadata: [1, 5] } }, async ({ connect, run }) => {
    const { apiKeys } = await run(connect().request(apiVersionsApi, 0, {}))
    assert.deepEqual(apiKeys, [
      { apiKey: 3, minVersion: 1, maxVersion: 5 },
      { apiKey: 18, minVersion: 0, maxVersion: 3 },
    ])
  }))

test('Produce below 3 is advertised, for librdkafka, and rejected', () =>
  onStage({}, async ({ connect, run }) => {
    const client = connect()
    await assert.rejects(run(client.send(0, 2, false, () => {})))
    await run(client.closed)
  }))

test('unknown apis, malformed requests and trailing bytes close the connection and no other', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run }) => {
    const good = connect()
    await run(good.request(apiVersionsApi, 0, {}))
    const attempts = [
      () => connect().send(999, 0, false, () => {}),
      () => connect().send(3, 1, false, (writer) => writer.writeInt32(1_000_000)),
      () =>
        connect().send(18, 0, false, (writer) => {
          writer.writeInt32(1)
        }),
    ]
    for (const attempt of attempts) await assert.rejects(run(attempt()), /closed/)
    const garbage = connect()
    garbage.sendRaw(Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'))
    await run(garbage.closed)
    assert.equal((await run(good.request(apiVersionsApi, 0, {}))).errorCode, 0)
  }))

test('responses of one connection are in order, also behind a request that waits', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, clock }) => {
    const client = connect()
    const fetch = client.request(fetchApi, 11, {
      maxWaitMs: 500,
      minBytes: 1,
      topics: [{ topic: 'orders', partitions: [{ partition: 0, fetchOffset: 0 }] }],
    })
    const behind = client.request(metadataApi, 5, { topics: [] })
    const start = clock.now()
    await run(behind)
    assert.deepEqual(client.responded, [1, 2])
    assert.equal(clock.now() - start, 500)
    await run(fetch)
  }))

test('a thousand requests in one chunk all get responses, in order', () =>
  onStage({ topics: { orders: 1 } }, async ({ connect, run, cluster }) => {
    const client = connect()
    const requests = Array.from({ length: 1000 }, () =>
      client.request(produceApi, 9, produceTo('orders', 0, batchOf(1))),
    )
    const responses = await run(Promise.all(requests))
    assert.deepEqual(
      responses.map((response) => response.responses[0]?.partitionResponses[0]?.baseOffset),
      Array.from({ length: 1000 }, (_, index) => index),
    )
    assert.equal(cluster.requests.Produce, 1000)
  }))

test('ten thousand small requests in one chunk do not overflow the stack', () =>
  onStage({}, async ({ connect, run, cluster }) => {
    const client = connect()
    const writer = new Writer()
    const header = { apiKey: 18, apiVersion: 0, correlationId: -1, clientId: null }
    encodeRequestHeader(writer, header, false)
    const frame = framed(writer.finish())
    client.sendRaw(Buffer.concat(Array.from({ length: 10_000 }, () => frame)))
    assert.equal((await run(client.request(apiVersionsApi, 0, {}))).errorCode, 0)
    assert.equal(cluster.requests.ApiVersions, 10_001)
  }))
