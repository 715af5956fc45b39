// Hostile bytes: whatever a broker sends, a decoder returns or throws a KafkaError
// MALFORMED_RESPONSE. It never throws anything else, never hangs, never reads past its end and
// never makes more of the bytes than they hold. Seeded and counted: MILLRACE_SEED and
// MILLRACE_HOSTILE_CASES choose another seed and number of cases.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { decodeApiVersionsResponse } from '../../src/protocol/api/18-api-versions.ts'
import { apis } from '../../src/protocol/api/catalogue.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { AnyApi } from '../../src/protocol/schema/api.ts'
import type { Random } from '../../src/runtime/random.ts'
import { randomBelow, seededRandom } from '../../src/runtime/random.ts'
import { messageArbitrary } from './protocol-arbitraries.ts'

const seed = Number(process.env.MILLRACE_SEED ?? 20_260_901)
const casesPerClientApi = Number(process.env.MILLRACE_HOSTILE_CASES ?? 100_000)
const casesPerOtherApi = Math.ceil(casesPerClientApi / 20)

/** What the client reads from a broker. */
const clientApis: ReadonlySet<string> = new Set([
  'ApiVersions',
  'Metadata',
  'Produce',
  'InitProducerId',
  'FindCoordinator',
  'Fetch',
  'ListOffsets',
  'CreateTopics',
])

/** Bytes around the message that no decoder may look at. */
const margin = 32
/**
 * One case in this many is looked at closely: twice decoded, among other neighbours, and counted.
 */
const closeLookEvery = 8

type Decode = (reader: Reader, version: number) => unknown

const validMessages = (api: AnyApi, kind: 'request' | 'response'): Map<number, Uint8Array[]> => {
  const schema = kind === 'request' ? api.requestSchema : api.responseSchema
  const messages = new Map<number, Uint8Array[]>()
  for (let version = api.versions.min; version <= api.versions.max; version += 1) {
    const values = fc.sample(messageArbitrary(schema, version), { numRuns: 24, seed })
    const encoded = values.map((value) => {
      const writer = new Writer()
      if (kind === 'request') api.encodeRequest(writer, value, version)
      else api.encodeResponse(writer, value, version)
      return writer.finish()
    })
    messages.set(version, encoded)
  }
  return messages
}

/** What a length field is most harmful as. */
const bombs = ['7fffffff', 'ffffffff0f', 'ffffffff', '80000000', '7fff', 'fffe', '00', '01'].map(
  (hex) => Buffer.from(hex, 'hex'),
)

const randomBytes = (random: Random, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, () => randomBelow(random, 256))

const changedAt = (bytes: Uint8Array, at: number, change: Uint8Array): void => {
  bytes.set(change.subarray(0, Math.max(0, bytes.length - at)), at)
}

/** The message, damaged once to four times; or bytes that never were a message. */
const damaged = (random: Random, message: Uint8Array): Uint8Array => {
  if (random.next() < 0.1) return randomBytes(random, randomBelow(random, 64))
  let bytes = Uint8Array.from(message)
  for (let times = 1 + randomBelow(random, 4); times > 0; times -= 1) {
    const at = randomBelow(random, bytes.length + 1)
    switch (randomBelow(random, 6)) {
      case 0:
        changedAt(bytes, at, randomBytes(random, 1))
        break
      case 1:
        changedAt(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << randomBelow(random, 8))))
        break
      case 2:
        changedAt(bytes, at, bombs[randomBelow(random, bombs.length)]!)
        break
      case 3:
        bytes = bytes.slice(0, at)
        break
      case 4:
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...randomBytes(random, 1 + randomBelow(random, 4)),
          ...bytes.subarray(at),
        ])
        break
      default:
        bytes = Uint8Array.from([...bytes, ...bytes.subarray(at)])
    }
  }
  return bytes
}

const within = (bytes: Uint8Array, neighbour: number): Uint8Array => {
  const around = new Uint8Array(bytes.length + 2 * margin).fill(neighbour)
  around.set(bytes, margin)
  return around
}

type Outcome = { value: unknown } | { failure: string }

const outcomeOf = (decode: Decode, around: Uint8Array, version: number): Outcome => {
  const end = around.length - margin
  const reader = new Reader(around, margin, end)
  try {
    const value = decode(reader, version)
    // A response may have bytes behind it, which are ignored.
    assert.ok(reader.offset <= end, 'bytes behind the message are never read')
    return { value }
  } catch (error) {
    if (!(error instanceof KafkaError) || error.code !== 'MALFORMED_RESPONSE') throw error
    assert.ok(reader.offset <= end, 'nothing is read past the end')
    return { failure: error.message }
  }
}

/** Values in a response, at every depth: a small message must not become a large one. */
const nodesIn = (value: unknown): number => {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1
  let nodes = 1
  for (const inner of Object.values(value)) nodes += nodesIn(inner)
  return nodes
}

/** The widest struct has some twenty fields, and an element of it takes at least one byte. */
const nodesPerByteMax = 40

const lookClosely = (
  decode: Decode,
  bytes: Uint8Array,
  version: number,
  outcome: Outcome,
): void => {
  const again = outcomeOf(decode, within(bytes, 0xff), version)
  assert.ok(isDeepStrictEqual(again, outcome), 'the neighbours of a message change nothing')
  if ('value' in outcome) {
    const nodes = nodesIn(outcome.value)
    assert.ok(nodes <= nodesPerByteMax * (bytes.length + 2), `${nodes} of ${bytes.length} bytes`)
  }
}

const attack = (api: AnyApi, kind: 'request' | 'response', cases: number): void => {
  const random = seededRandom(seed ^ (api.key * 2 + (kind === 'request' ? 0 : 1)))
  const messages = validMessages(api, kind)
  const decode: Decode =
    kind === 'request'
      ? (reader, version) => api.decodeRequest(reader, version)
      : (reader, version) => api.decodeResponse(reader, version)
  const { min, max } = api.versions
  let responses = 0
  for (let index = 0; index < cases; index += 1) {
    const version = min + (index % (max - min + 1))
    const bases = messages.get(version)!
    const bytes = damaged(random, bases[randomBelow(random, bases.length)]!)
    try {
      const outcome = outcomeOf(decode, within(bytes, 0), version)
      if ('value' in outcome) responses += 1
      if (index % closeLookEvery === 0) lookClosely(decode, bytes, version, outcome)
    } catch (error) {
      const hex = Buffer.from(bytes).toString('hex')
      throw new Error(`${api.name} v${version} ${kind}, seed ${seed}, case ${index}: ${hex}`, {
        cause: error,
      })
    }
  }
  // Both must occur, or the damage is too gross or too slight to tell anything.
  assert.ok(responses > cases / 200, `only ${responses} of ${cases} were decoded`)
  assert.ok(responses < cases * 0.9, `${responses} of ${cases} were decoded`)
}

describe('damaged bytes are a response or MALFORMED_RESPONSE, nothing else', () => {
  // Making a stack trace per rejection would take most of the time.
  const { stackTraceLimit } = Error
  const quickly = (run: () => void): void => {
    Error.stackTraceLimit = 0
    try {
      run()
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }
  for (const api of apis) {
    const cases = clientApis.has(api.name) ? casesPerClientApi : casesPerOtherApi
    it(`${cases} responses of ${api.name}`, () => quickly(() => attack(api, 'response', cases)))
    it(`${casesPerOtherApi} requests of ${api.name}`, () =>
      quickly(() => attack(api, 'request', casesPerOtherApi)))
  }

  it('the response to ApiVersions may be in version 0, and be hostile', () => {
    quickly(() => {
      const random = seededRandom(seed)
      for (let index = 0; index < casesPerOtherApi; index += 1) {
        const bytes = damaged(random, Buffer.from('002300000001001200000003', 'hex'))
        try {
          decodeApiVersionsResponse(bytes, index % 6)
        } catch (error) {
          assert.ok(error instanceof KafkaError && error.code === 'MALFORMED_RESPONSE', `${error}`)
        }
      }
    })
  })
})

describe('the fallback of ApiVersions', () => {
  it('is the error alone where the rest of the body has no valid form', () => {
    // What librdkafka's mock cluster sends for version 5: a compact count, then plain fields.
    const body = Buffer.from('0023' + '01' + '0012' + '0000' + '0003' + '00000000', 'hex')
    const { errorCode, apiKeys } = decodeApiVersionsResponse(body, 5)
    assert.deepEqual([errorCode, apiKeys], [35, []])
  })

  it('is read in version 0 whatever version was requested', () => {
    const body = Buffer.from('0023' + '00000001' + '0012' + '0000' + '0003', 'hex')
    const response = decodeApiVersionsResponse(body, 5)
    assert.equal(response.errorCode, 35)
    assert.deepEqual(response.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 3 }])
  })
})
