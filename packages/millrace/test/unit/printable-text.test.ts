// Text from brokers, files and registries must not change a terminal, forge a line of a log or fill
// a memory: it is cut and escaped on its way into every error, report and address.

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatAddress } from '../../src/cluster-client/address.ts'
import { failed, passed } from '../../src/diagnose/report.ts'
import { brokerError, errorNumber } from '../../src/protocol/errors.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { printableLogger } from '../../src/runtime/logger.ts'
import { printableText } from '../../src/runtime/printable-text.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u
const sequence = '\x1b]0;title\x07\x1b[2J\u009b31m'
const hostile = `a${sequence}\r\n2026-11-28 INFO forged\u2028\u202egnp.exe${'x'.repeat(5_000_000)}`

describe('printableText', () => {
  it('leaves text without control characters as it is', () => {
    for (const text of ['', 'orders', 'größer – 東京 👩‍👩‍👧', 'C:\\temp']) {
      assert.equal(printableText(text), text)
    }
  })

  it('escapes control characters, escape sequences, direction marks and line separators', () => {
    assert.equal(printableText('a\n\t\r\0\x1b[31m\x7f\x9b'), 'a\\n\\t\\r\\x00\\x1b[31m\\x7f\\x9b')
    assert.equal(
      printableText('\u2028\u2029\u202e\u2066\u200f'),
      '\\u2028\\u2029\\u202e\\u2066\\u200f',
    )
    assert.equal(printableText('\ufeff\u200b\u{e0041}'), '\\ufeff\\u200b\\u{e0041}')
    assert.equal(printableText('\ud800x\udc00'), '\\ud800x\\udc00')
  })

  it('cuts what is longer than the limit and says how long it was', () => {
    const text = printableText('y'.repeat(5_000_000))
    assert.ok(text.length <= 1024)
    assert.match(text, /^y{900,}… \(5000000 characters\)$/)
    assert.equal(printableText('abcdefghij'.repeat(10), 40).length, 40)
    assert.equal(printableText('y'.repeat(1024)), 'y'.repeat(1024))
  })

  it('gives printable text within the limit for every text, and is idempotent', () => {
    const units = fc.oneof(fc.nat(0xff), fc.integer({ min: 0x2000, max: 0xffff }), fc.nat(0x10ffff))
    const texts = fc.array(units, { maxLength: 300 }).map((all) => String.fromCodePoint(...all))
    fc.assert(
      fc.property(texts, fc.integer({ min: 40, max: 200 }), (text, lengthMax) => {
        const result = printableText(text, lengthMax)
        assert.ok(result.length <= lengthMax)
        assert.doesNotMatch(result, unsafe)
        assert.equal(printableText(result, lengthMax), result)
      }),
    )
  })
})

describe('text from outside', () => {
  it('is printable in every line of a logger, and of a stack only the frames are lines', () => {
    const lines: string[] = []
    const write = (line: string): void => void lines.push(line)
    const logger = printableLogger({ debug: write, info: write, warn: write, error: write })
    const thrown = new Error(hostile)
    for (const level of ['debug', 'info', 'warn', 'error'] as const) {
      logger[level](`millrace: ${thrown.stack}${'\n    at forged\x1b[2J (a:1)'.repeat(50)}`)
    }
    assert.equal(lines.length, 4)
    for (const line of lines) {
      assert.ok(line.length <= 4096 + 10 * 1025)
      const [first = '', ...frames] = line.split('\n')
      for (const text of [first, ...frames]) assert.doesNotMatch(text, unsafe)
      assert.ok(frames.every((frame) => frame.startsWith('    at ')))
    }
  })

  it('is printable and bounded in every field of a KafkaError', () => {
    const { LEADER_NOT_AVAILABLE: code } = errorNumber
    const errors = [
      brokerError(code, { topic: hostile, broker: hostile, brokerMessage: hostile }),
      new KafkaError('CONNECTION_FAILED', hostile, { broker: hostile }),
    ]
    for (const { message, topic, broker, brokerMessage, stack } of errors) {
      for (const text of [message, topic, broker, brokerMessage]) {
        assert.ok((text ?? '').length <= 4096)
        assert.doesNotMatch(text ?? '', unsafe)
      }
      assert.doesNotMatch(stack!.replaceAll('\n', ''), unsafe)
    }
  })

  it('is printable and bounded in an address and in the rows of a diagnosis', () => {
    const rows = [passed('metadata', 1, hostile), failed('sasl', 1, hostile, hostile)]
    const texts = rows.flatMap(({ detail, remedy }) => [detail, remedy ?? ''])
    for (const text of [...texts, formatAddress({ host: hostile, port: 1 })]) {
      assert.ok(text.length <= 4096)
      assert.doesNotMatch(text, unsafe)
    }
  })
})
