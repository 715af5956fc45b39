// Metrics as OTLP: what is written is read again, and damaged bytes are rejected.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { KafkaError } from '../../src/index.ts'
import { decodeMetrics, encodeMetrics, type OtlpMetrics } from '../../src/protocol/otlp.ts'

const timeMs = fc.integer({ min: 0, max: 4_000_000_000_000 })
const attributes = fc
  .array(fc.tuple(fc.string({ minLength: 1 }), fc.string()), { maxLength: 3 })
  .map((pairs) => Object.fromEntries(pairs.filter(([key]) => key !== '__proto__')))

const plainly = { noNullPrototype: true } as const

const metric = fc.record(
  {
    name: fc.string(),
    kind: fc.constantFrom('gauge', 'deltaSum', 'cumulativeSum'),
    value: fc.double({ noNaN: true }),
    attributes,
    startTimeMs: timeMs,
    timeMs,
  },
  plainly,
)

const data: fc.Arbitrary<OtlpMetrics> = fc.record(
  {
    resource: attributes,
    scopeName: fc.string(),
    scopeVersion: fc.string(),
    metrics: fc.array(metric, { maxLength: 5 }),
  },
  plainly,
)

test('what was written is read again', () => {
  fc.assert(
    fc.property(data, (written) => {
      assert.deepEqual(decodeMetrics(encodeMetrics(written)), written)
    }),
  )
})

test('bytes that are not metrics are malformed, and never read past their end', () => {
  const bytes = encodeMetrics({
    resource: { a: 'b' },
    scopeName: 's',
    scopeVersion: '1',
    metrics: [
      { name: 'n', kind: 'gauge', value: 1, attributes: { t: 'x' }, startTimeMs: 1, timeMs: 2 },
    ],
  })
  for (let length = 1; length < bytes.length; length++) {
    assert.throws(() => decodeMetrics(bytes.subarray(0, length)), { code: 'MALFORMED_RESPONSE' })
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (noise) => {
      try {
        decodeMetrics(noise)
      } catch (error) {
        assert.ok(error instanceof KafkaError && error.code === 'MALFORMED_RESPONSE', `${error}`)
      }
    }),
  )
})
