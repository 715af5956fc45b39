import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatAddress, parseBrokers } from '../../src/cluster-client/address.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'

const problems = (brokers: string | readonly string[]): string => {
  try {
    parseBrokers(brokers)
  } catch (error) {
    assert.ok(error instanceof KafkaError)
    assert.equal(error.code, 'INVALID_OPTION')
    assert.equal(error.kind, 'usage')
    return error.message
  }
  assert.fail('nothing was thrown')
}

test('a list in one string and an array of strings read the same', () => {
  const expected = [
    { host: 'a.example', port: 9092 },
    { host: '10.0.0.1', port: 19_092 },
    { host: '::1', port: 9093 },
  ]
  assert.deepEqual(parseBrokers('a.example, 10.0.0.1:19092 ,[::1]:9093,'), expected)
  assert.deepEqual(parseBrokers(['a.example:9092', '10.0.0.1:19092', '[::1]:9093']), expected)
  assert.deepEqual(parseBrokers(['a.example:9092,10.0.0.1:19092', '[::1]:9093']), expected)
})

test('the port is 9092 where none is written, also after an IPv6 address', () => {
  assert.deepEqual(parseBrokers('[fe80::1%eth0]'), [{ host: 'fe80::1%eth0', port: 9092 }])
  assert.deepEqual(parseBrokers('kafka'), [{ host: 'kafka', port: 9092 }])
})

test('an address named twice counts once, without regard to case', () => {
  assert.deepEqual(parseBrokers('Kafka:9092,kafka:9092,kafka'), [{ host: 'Kafka', port: 9092 }])
})

test('one usage error names every bad entry and what is wrong with it', () => {
  const message = problems('ok:9092,a:x,b:0,c:65536,:9092,::1,[::1,PLAINTEXT://d:1,e f:1,[h]:1,g:')
  assert.match(message, /'a:x': the port 'x' is not a number/)
  assert.match(message, /'b:0': the port must be 1 to 65535/)
  assert.match(message, /'c:65536': the port must be/)
  assert.match(message, /':9092': the host is missing/)
  assert.match(message, /'::1': an IPv6 address goes into brackets, as in \[::1\]:9092/)
  assert.match(message, /'\[::1': an IPv6 address is written \[address\]:port/)
  assert.match(message, /'PLAINTEXT:\/\/d:1': remove 'PLAINTEXT:\/\/'/)
  assert.match(message, /'e f:1': 'e f' is not a host name/)
  assert.match(message, /'\[h\]:1'/)
  assert.match(message, /'g:': the port '' is not a number/)
  assert.doesNotMatch(message, /'ok:9092'/)
})

test('an empty list is a usage error', () => {
  assert.match(problems(''), /at least one/)
  assert.match(problems([]), /at least one/)
  assert.match(problems([9092 as unknown as string]), /brokers\[0\] must be a string/)
})

test('an IPv6 address is shown in brackets', () => {
  assert.equal(formatAddress({ host: '::1', port: 9092 }), '[::1]:9092')
  assert.equal(formatAddress({ host: 'a', port: 1 }), 'a:1')
})
