// What real brokers returned (responses/, captured by regenerate.ts): each response decodes to what
// was requested and encodes to the same bytes again. A mistake that reader and writer share would
// not pass here.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import type { ProduceResponse } from '../../src/protocol/api/00-produce.ts'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import {
  apiVersionsApi,
  decodeApiVersionsResponse,
} from '../../src/protocol/api/18-api-versions.ts'
import { createTopicsApi } from '../../src/protocol/api/19-create-topics.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { apis, isFlexibleRequest } from '../../src/protocol/api/catalogue.ts'
import {
  decodeRequestHeader,
  decodeResponseHeader,
  encodeRequestHeader,
  encodeResponseHeader,
} from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { errorNumber } from '../../src/protocol/errors.ts'
import type { AnyApi, Api } from '../../src/protocol/schema/api.ts'
import { zeroUuid } from '../../src/protocol/schema/message.ts'
import { goldenFile } from './golden-file.ts'
import type { GoldenResponse } from './golden-response.ts'

const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Decodes the frame of a response, header first. */
const decode = <Response>(api: Api<unknown, Response>, capture: GoldenResponse): Response => {
  const reader = new Reader(bytesOf(capture.response))
  decodeResponseHeader(reader, api.key, api.isFlexible(capture.version))
  return api.decodeResponse(reader, capture.version)
}

const responsesOf = (file: string): GoldenResponse[] =>
  JSON.parse(readFileSync(goldenFile(`responses/${file}`), 'utf8')) as GoldenResponse[]

const releases = readdirSync(goldenFile('responses')).map((file) => ({
  name: file.replace(/^kafka-|\.json$/g, ''),
  captures: responsesOf(file),
}))

const apiNamed = (name: string): AnyApi =>
  apis.find((api) => api.name === name) ?? assert.fail(`no API ${name}`)

const encodesToTheSameBytes = (capture: GoldenResponse): void => {
  const api = apiNamed(capture.api)
  const flexible = api.isFlexible(capture.version)
  const response = new Reader(bytesOf(capture.response))
  const correlationId = decodeResponseHeader(response, api.key, flexible)
  const value = api.decodeResponse(response, capture.version)
  const writer = new Writer()
  encodeResponseHeader(writer, api.key, correlationId, flexible)
  api.encodeResponse(writer, value as never, capture.version)
  assert.equal(hexOf(writer.finish()), capture.response)
}

/** The broker took these requests, so they too are known to be right. */
const requestEncodesToTheSameBytes = (capture: GoldenResponse): void => {
  const reader = new Reader(bytesOf(capture.request))
  const header = decodeRequestHeader(reader, isFlexibleRequest)
  const api = apiNamed(capture.api)
  if (header.apiVersion > api.versions.max) return
  assert.equal(header.apiKey, api.key)
  const value = api.decodeRequest(reader, header.apiVersion)
  const writer = new Writer()
  encodeRequestHeader(writer, header, api.isFlexible(header.apiVersion))
  api.encodeRequest(writer, value as never, header.apiVersion)
  assert.equal(hexOf(writer.finish()), capture.request)
}

for (const { name, captures } of releases) {
  const of = <Response>(
    api: Api<unknown, Response>,
    title: string,
  ): { version: number; value: Response }[] => {
    const found = captures.filter((capture) => capture.api === api.name && capture.title === title)
    assert.ok(found.length > 0, `${api.name}: ${title}`)
    return found.map((capture) => ({ version: capture.version, value: decode(api, capture) }))
  }

  describe(`responses of Kafka ${name}`, () => {
    for (const api of apis) {
      const own = captures.filter((capture) => capture.api === api.name)
      if (own.length === 0) continue
      it(`${own.length} of ${api.name} encode to the same bytes`, () => {
        own.forEach(encodesToTheSameBytes)
        own.forEach(requestEncodesToTheSameBytes)
      })
    }

    it('ApiVersions names what is served; its fallback is in version 0', () => {
      for (const { version, value } of of(apiVersionsApi, 'what the broker serves')) {
        assert.equal(value.errorCode, errorNumber.NONE)
        const produce = value.apiKeys.find(({ apiKey }) => apiKey === produceApi.key)
        assert.equal(produce?.maxVersion, name.startsWith('3.9') ? 11 : 13)
        if (version >= 3) {
          assert.ok(value.finalizedFeatures.some((feature) => feature.name === 'metadata.version'))
        }
      }
      const title = 'a version that is not served'
      const fallback = captures.find((capture) => capture.title === title)!
      const body = bytesOf(fallback.response).subarray(4)
      assert.equal(decodeApiVersionsResponse(body, 5).errorCode, errorNumber.UNSUPPORTED_VERSION)
      assert.ok(decodeApiVersionsResponse(body, 5).apiKeys.length > 0)
    })

    it('Metadata has the topics and the one that is not there', () => {
      for (const { version, value } of of(metadataApi, 'two topics and one that is not there')) {
        assert.equal(value.brokers[0]?.host, '127.0.0.1')
        const topics = new Map(value.topics.map((topic) => [topic.name, topic]))
        const golden = topics.get('golden')!
        assert.equal(golden.partitions.length, 2)
        for (const partition of golden.partitions) {
          assert.equal(partition.leaderId, value.brokers[0]?.nodeId)
          assert.equal(partition.leaderEpoch, version < 7 ? -1 : 0)
        }
        assert.equal(hexOf(golden.topicId) === hexOf(zeroUuid), version < 10)
        assert.equal(topics.get('not-there')?.errorCode, errorNumber.UNKNOWN_TOPIC_OR_PARTITION)
      }
    })

    it('Produce counts the offsets up, and names the missing topic', () => {
      const title = 'two records, and a topic that is not there'
      const resultsOf = ({ responses }: ProduceResponse) =>
        responses.flatMap((topic) => topic.partitionResponses)
      of(produceApi, title).forEach(({ version, value }, index) => {
        const results = resultsOf(value)
        assert.equal(results.length, 2)
        const written = results.find(({ errorCode }) => errorCode === errorNumber.NONE)!
        assert.equal(written.baseOffset, 2 * index)
        assert.equal(written.logAppendTimeMs, -1)
        assert.equal(written.logStartOffset, version < 5 ? -1 : 0)
        const expected =
          version < 13 ? errorNumber.UNKNOWN_TOPIC_OR_PARTITION : errorNumber.UNKNOWN_TOPIC_ID
        assert.ok(results.some(({ errorCode }) => errorCode === expected))
      })
      for (const { version, value } of of(
        produceApi,
        'records without keys for a compacted topic',
      )) {
        const [result] = resultsOf(value)
        assert.equal(result?.errorCode, errorNumber.INVALID_RECORD)
        const indexes = result?.recordErrors.map(({ batchIndex }) => batchIndex)
        assert.deepEqual(indexes, version < 8 ? [] : [1, 3])
      }
    })

    it('Fetch has the records, and the offset that is out of range', () => {
      for (const { value } of of(fetchApi, 'records, and an offset out of range')) {
        const partitions = new Map(
          value.responses[0]!.partitions.map((entry) => [entry.partitionIndex, entry]),
        )
        const records = partitions.get(0)!.records!
        assert.ok(Buffer.from(records).includes('value'))
        assert.equal(records[16], 2, 'the magic of the first batch')
        assert.equal(partitions.get(1)?.errorCode, errorNumber.OFFSET_OUT_OF_RANGE)
      }
    })

    it('ListOffsets, FindCoordinator, InitProducerId, CreateTopics: the requested fields', () => {
      for (const { value } of of(listOffsetsApi, 'the offset of time -2')) {
        assert.equal(value.topics[0]?.partitions[0]?.offset, 0)
      }
      for (const { value } of of(listOffsetsApi, 'the offset of time -1')) {
        assert.ok(value.topics[0]!.partitions[0]!.offset >= 18)
      }
      for (const { version, value } of of(findCoordinatorApi, 'coordinator of golden-group')) {
        const [first] = version < 4 ? [value] : value.coordinators
        assert.equal(first?.host, '127.0.0.1')
        assert.equal(first?.nodeId, 1)
      }
      const given = of(initProducerIdApi, 'a producer id').map(({ value }) => value)
      assert.ok(given.every(({ errorCode }) => errorCode === errorNumber.NONE))
      const ids = given.map(({ producerId }) => producerId)
      assert.equal(new Set(ids).size, ids.length)
      for (const { value } of of(initProducerIdApi, 'a transaction timeout too long')) {
        assert.equal(value.errorCode, errorNumber.INVALID_TRANSACTION_TIMEOUT)
      }
      for (const { value } of of(createTopicsApi, 'two topics and a bad name')) {
        const codes = new Map(value.topics.map((topic) => [topic.name, topic.errorCode]))
        assert.equal(codes.get('bad name'), errorNumber.INVALID_TOPIC_EXCEPTION)
        assert.equal([...codes.values()].filter((code) => code === errorNumber.NONE).length, 2)
      }
    })
  })
}

describe('the golden files', () => {
  it('are of a 3.9 and of a 4.x broker', () => {
    assert.deepEqual(releases.map(({ name }) => name).sort(), ['3.9.1', '4.4.0'])
  })
})
