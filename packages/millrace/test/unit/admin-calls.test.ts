// What an admin's calls leave behind. Each call once raced a promise that lives as long as the
// admin: the race stayed behind as a reaction of that promise, and held the call's response.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BrokerCalls } from '../../src/admin/broker-calls.ts'
import { resolveOptions } from '../../src/producer/options.ts'
import { createTopicsApi } from '../../src/protocol/api/19-create-topics.ts'
import { KafkaError } from '../../src/protocol/kafka-error.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import { startCluster, type TestCluster } from '../../src/testing.ts'

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

const all = { topics: null, allowAutoTopicCreation: false }
const noTopics = { topics: [], timeoutMs: 1000 }
const closing = new KafkaError('CLOSED', 'closed by the test')

let cluster: TestCluster
const opened: BrokerCalls[] = []
before(async () => {
  cluster = await startCluster({ nodes: 2, topics: { orders: 1 } })
})
after(async () => {
  for (const calls of opened) calls.close(closing)
  await cluster.close()
})

const newCalls = (): BrokerCalls => {
  const { cluster: options } = resolveOptions({ brokers: cluster.brokers })
  const machine = { clock: systemClock, random: systemRandom, transport: tcpTransport }
  const calls = new BrokerCalls({ ...options, ...machine })
  opened.push(calls)
  return calls
}

/** Makes `count` calls one after the other; how many of their responses are let go of. */
const letGoOf = async (count: number, call: () => Promise<object>): Promise<number> => {
  let gone = 0
  const registry = new FinalizationRegistry(() => gone++)
  for (let index = 0; index < count; index++) registry.register(await call(), undefined)
  for (let round = 0; round < 50 && gone < count / 2; round++) {
    collectGarbage()
    await new Promise(setImmediate)
  }
  return gone
}

test('calls that have ended leave no listener or timer in an open admin', async () => {
  const calls = newCalls()
  const anywhere = await letGoOf(200, () => calls.metadata(all))
  assert.ok(anywhere >= 100, `${anywhere} of 200 responses of any broker were let go`)
  const controller = await letGoOf(100, () =>
    calls.toController(createTopicsApi, noTopics, () => null),
  )
  assert.ok(controller >= 50, `${controller} of 100 responses of the controller were let go`)
})

test('close() fails each pending call at any step, and later calls', async () => {
  const rejected = new KafkaError('BROKER_REJECTED', 'elsewhere', { brokerError: 'NOT_CONTROLLER' })
  const stages = {
    'a response of any broker': { api: 'Metadata', drop: true },
    'a response of the controller': { api: 'CreateTopics', drop: true },
  } as const
  for (const [stage, fault] of Object.entries(stages)) {
    const calls = newCalls()
    const rule = cluster.fault({ ...fault, count: Number.POSITIVE_INFINITY })
    const waiting = calls.toController(createTopicsApi, noTopics, () => null)
    const ended = assert.rejects(waiting, closing, stage)
    while (rule.hits === 0) await new Promise(setImmediate)
    calls.close(closing)
    await ended
    rule.remove()
  }
  const calls = newCalls()
  let requestCount = 0
  const pausing = calls.toController(createTopicsApi, noTopics, () => {
    requestCount++
    return rejected
  })
  const ended = assert.rejects(
    pausing,
    closing,
    'the pause before the next request to the controller',
  )
  while (requestCount === 0) await new Promise(setImmediate)
  calls.close(closing)
  await ended
  await assert.rejects(calls.metadata(all), closing)
  assert.equal(requestCount, 1)
})
