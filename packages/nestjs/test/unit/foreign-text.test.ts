// Text of events, of the caller's code and of brokers reaches Nest's logger and the errors of an
// observable without control characters and secrets.

import 'reflect-metadata'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { ConsoleLogger, Logger } from '@nestjs/common'
import { KafkaError, type ProducerOptions } from 'millrace'
import { RecordingProducer } from 'millrace/testing'
import { firstValueFrom } from 'rxjs'
import { MillraceClient } from '../../src/index.ts'

const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\u200b\ufeff]/u
const hostile = 'a\x1b]0;t\x07\x1b[2J\u009b31m\0\r\nforged\u2028\u202e\u2066\ud800\u200b'
const secret = 'T0p 5ecret/väl:u"e%'

const check = (what: string, text: string): void => {
  for (const line of text.split(/\n(?= )/)) assert.doesNotMatch(line, unsafe, `${what}: ${line}`)
  assert.ok(text.length < 20_000, `${what}: ${text.length} characters`)
  for (const form of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
    assert.ok(!text.includes(form), `${what} shows ${form}: ${text}`)
  }
}

const thrower = (): never => {
  throw new Error(hostile)
}

const events: readonly unknown[] = [
  { value: 'x', [hostile]: 1 },
  { value: { [hostile]: Number.NaN } },
  { value: { toJSON: thrower } },
  {
    get value() {
      return thrower()
    },
  },
  new Map([[hostile, Symbol(hostile)]]),
  undefined,
]

test('errors of events and lines of the log are printable', async () => {
  const lines: string[] = []
  const keep = (...parts: unknown[]): void => void lines.push(parts.map(String).join(' '))
  Logger.overrideLogger({ log: keep, error: keep, warn: keep })
  try {
    for (const onError of [undefined, thrower]) {
      const producer = new RecordingProducer()
      const client = new MillraceClient({ producer, onError })
      for (const topic of ['orders', hostile]) {
        for (const event of events) {
          const thrown = await firstValueFrom(client.emit(topic, event)).catch((error) => error)
          assert.ok(thrown instanceof KafkaError, inspect(thrown))
          check('error', `${thrown.message}`)
          check('inspected', inspect(thrown))
          check('JSON', JSON.stringify(thrown))
        }
        await firstValueFrom(client.emitBatch(topic, hostile as never)).catch((error) =>
          check('batch', inspect(error)),
        )
      }
    }
    assert.ok(lines.length > events.length)
    for (const line of lines) check('log', line)
  } finally {
    Logger.overrideLogger(new ConsoleLogger())
  }
})

test('options with secrets are refused without them', () => {
  const wrong: readonly object[] = [
    { brokers: `u:${secret}@host:9092` },
    { brokers: 'h:1', sasl: { mechanism: secret, username: 'u', password: secret } },
    { brokers: 'h:1', tls: { key: secret, cert: secret } },
    { brokers: 'h:1', [hostile]: secret },
  ]
  for (const producer of wrong) {
    assert.throws(
      () => new MillraceClient({ producer: producer as ProducerOptions }),
      (error: Error) => {
        check('options', inspect(error))
        return error instanceof KafkaError
      },
    )
  }
})
