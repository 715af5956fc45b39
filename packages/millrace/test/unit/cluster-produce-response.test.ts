// Both ways of reading a Produce response give equal objects: by hand, for responses without
// errors, and by the schema.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import {
  readAcknowledgements,
  readProduceResponse,
} from '../../src/cluster-client/produce-response.ts'
import { type ProduceResponse, produceApi } from '../../src/protocol/api/00-produce.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

type PartitionResponse = ProduceResponse['responses'][number]['partitionResponses'][number]

/** The versions that are read by hand; version 9 does not name the new leader. */
const min = 9
const { max } = produceApi.clientVersions
const noLeader = { leaderId: -1, leaderEpoch: -1 }
const broker = { name: '127.0.0.1:9092 (node 1)' }

const partition = (fields: object): fc.Arbitrary<PartitionResponse> =>
  fc.record({
    index: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
    errorCode: fc.constant(0),
    baseOffset: fc.integer({ min: -1, max: 2 ** 50 }),
    logAppendTimeMs: fc.integer({ min: -1, max: 2 ** 42 }),
    logStartOffset: fc.integer({ min: -1, max: 2 ** 50 }),
    recordErrors: fc.constant([]),
    errorMessage: fc.constant(null),
    currentLeader: fc.constant(noLeader),
    ...fields,
  })

const acknowledged = partition({})
const recordError = fc.record({
  batchIndex: fc.nat(),
  batchIndexErrorMessage: fc.option(fc.string({ maxLength: 9 })),
})

/** A part that differs from an acknowledgement in one field, so that each check is decisive. */
const other = (version: number): fc.Arbitrary<PartitionResponse> => {
  const leader = fc.record({ leaderId: fc.nat(), leaderEpoch: fc.nat() })
  return fc.oneof(
    partition({ errorCode: fc.integer({ min: -1, max: 200 }) }),
    partition({ recordErrors: fc.array(recordError, { minLength: 1, maxLength: 2 }) }),
    partition({ errorMessage: fc.constantFrom('', 'invalid') }),
    partition({ currentLeader: version < 10 ? fc.constant(noLeader) : leader }),
  )
}

/** The topic has the name or the id that its version contains. */
const responses = (
  version: number,
  part: fc.Arbitrary<PartitionResponse>,
): fc.Arbitrary<ProduceResponse> => {
  const hasId = version >= 13
  const topic = fc.record({
    name: hasId ? fc.constant('') : fc.string({ maxLength: 40 }),
    topicId: hasId
      ? fc.uint8Array({ minLength: 16, maxLength: 16 })
      : fc.constant(new Uint8Array(16)),
    partitionResponses: fc.array(part, { maxLength: 3 }),
  })
  return fc.record({
    responses: fc.array(topic, { maxLength: 2 }),
    throttleTimeMs: fc.nat(100_000),
    nodeEndpoints: fc.constant([]),
  })
}

const encode = (response: ProduceResponse, version: number): Uint8Array => {
  const writer = new Writer(64)
  produceApi.encodeResponse(writer, response, version)
  return writer.finish()
}

const bySchema = (body: Uint8Array, version: number): ProduceResponse | null => {
  try {
    return produceApi.decodeResponse(new Reader(body), version)
  } catch {
    return null
  }
}

for (let version = min; version <= max; version++) {
  it(`version ${version}: a response without errors is read as by the schema`, () => {
    fc.assert(
      fc.property(responses(version, acknowledged), (response) => {
        const body = encode(response, version)
        const expected = bySchema(body, version)
        assert.deepEqual(readProduceResponse(body, version, broker), expected)
        assert.deepEqual(readAcknowledgements(body, version), expected)
      }),
    )
  })

  it(`version ${version}: any other response is left to the schema`, () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat(255), length: fc.nat() })
    const anyPart = fc.oneof(acknowledged, other(version))
    fc.assert(
      fc.property(responses(version, anyPart), fc.option(damage), (response, change) => {
        let body = encode(response, version)
        if (change !== null) {
          body[change.at % body.length] = change.byte
          body = body.subarray(0, body.length - (change.length % 3))
        }
        const expected = bySchema(body, version)
        const byHand = readAcknowledgements(body, version)
        if (byHand !== null) assert.deepEqual(byHand, expected)
        const result = readProduceResponse(body, version, broker)
        if (expected === null) assert.ok(result instanceof KafkaError)
        else if (!(result instanceof KafkaError)) assert.deepEqual(result, expected)
      }),
      { numRuns: 500 },
    )
  })
}

it('versions before the flexible ones are left to the schema', () => {
  for (let version = produceApi.clientVersions.min; version < min; version++) {
    const body = encode({ responses: [], throttleTimeMs: 7, nodeEndpoints: [] }, version)
    assert.equal(readAcknowledgements(body, version), null)
    assert.deepEqual(readProduceResponse(body, version, broker), bySchema(body, version))
  }
})
