// A wrong topic, key or value must not compile. Nothing here is run but the last test, which says
// that it was compiled.

import assert from 'node:assert/strict'
import { it } from 'node:test'
import * as v from 'valibot'
import { z } from 'zod'
import {
  jsonSerializer,
  Producer,
  type ProducerLike,
  textSerializer,
  typedTopics,
} from '../../src/index.ts'
import { RecordingProducer } from '../../src/testing.ts'

interface Order {
  readonly id: string
}

export const topics = (producer: Producer): void => {
  const typed = typedTopics(producer, {
    orders: { key: textSerializer, value: jsonSerializer<Order>() },
    events: { value: jsonSerializer(z.object({ at: z.number(), by: z.string().default('me') })) },
    marks: { value: jsonSerializer(v.object({ n: v.number() })) },
  })
  typed.send({ topic: 'orders', key: 'a', value: { id: 'a' } })
  typed.send({ topic: 'orders', key: null, value: null })
  typed.send({ topic: 'events', key: new Uint8Array(1), value: { at: 1 } })
  typed.send({ topic: 'marks', value: { n: 1 }, partition: 0, headers: { a: 'b' } })
  typed.sendBatch([
    { topic: 'marks', value: { n: 1 } },
    { topic: 'events', value: { at: 1 } },
  ])
  // @ts-expect-error no such topic
  typed.send({ topic: 'order', value: { id: 'a' } })
  // @ts-expect-error the value of another topic
  typed.send({ topic: 'orders', value: { n: 1 } })
  // @ts-expect-error a key of this topic is text
  typed.send({ topic: 'orders', key: new Uint8Array(1), value: { id: 'a' } })
  // @ts-expect-error the schema wants a number
  typed.send({ topic: 'events', value: { at: 'now' } })
  // @ts-expect-error a value is needed
  typed.send({ topic: 'marks' })
  const right = { topic: 'marks', value: { n: 1 } } as const
  // @ts-expect-error one wrong record of many
  typed.sendBatch([right, { topic: 'marks', value: 7 }])
  // @ts-expect-error a definition has a value
  typedTopics(producer, { a: { key: textSerializer } })
}

export const standIns = (producer: Producer): void => {
  const stand: ProducerLike = new RecordingProducer()
  const real: ProducerLike = producer
  void [stand, real]
  // @ts-expect-error a stand-in is not a Producer
  const wrong: Producer = new RecordingProducer()
  void wrong
}

it('wrong topics and values do not compile', () => {
  assert.equal(typeof Producer, 'function')
})
