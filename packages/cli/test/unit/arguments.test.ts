import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokerList, topicArgument, topicArguments, wholeNumber } from '../../src/arguments.ts'

test('a whole number is taken within its bounds only', () => {
  const parse = wholeNumber(1, 9)
  assert.equal(parse('1'), 1)
  assert.equal(parse('9'), 9)
  for (const word of ['0', '10', '-1', '1.5', '1e1', '', ' 1', 'x', '0x2']) {
    assert.throws(() => parse(word), /from 1 to 9/, word)
  }
})

test('a topic is a legal name, with its number of partitions or 6', () => {
  assert.deepEqual(topicArgument('orders'), { name: 'orders', partitions: 6 })
  assert.deepEqual(topicArgument('orders.v1_x-y:12'), { name: 'orders.v1_x-y', partitions: 12 })
  for (const word of ['', ':3', '..', 'a b', 'größe', 'a:0', 'a:1001', 'a:', 'a:b:3']) {
    assert.throws(() => topicArgument(word), word)
  }
  assert.equal(topicArgument('n'.repeat(249)).name.length, 249)
  assert.throws(() => topicArgument('n'.repeat(250)), /249/)
})

test('a topic may be named once', () => {
  const topics = topicArguments('b:2', topicArguments('a', undefined))
  assert.deepEqual(topics, [
    { name: 'a', partitions: 6 },
    { name: 'b', partitions: 2 },
  ])
  assert.throws(() => topicArguments('a:3', topics), /named twice/)
})

test('brokers are HOST:PORT with commas between them', () => {
  assert.deepEqual(brokerList('localhost:9092'), ['localhost:9092'])
  assert.deepEqual(brokerList('a.example:1, [::1]:9092'), ['a.example:1', '[::1]:9092'])
  for (const text of ['', 'localhost', ':9092', 'a:0', 'a:65536', 'a:1,', '::1:9092', 'a:1 b:2']) {
    assert.throws(() => brokerList(text), /HOST:PORT/, text)
  }
})
