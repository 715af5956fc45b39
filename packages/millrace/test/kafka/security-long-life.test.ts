// Connections that end without the user's doing, at a real broker that closes what is idle for two
// seconds: the next send succeeds, and nothing is stored twice. Each over plain TCP and over TLS.
// With MILLRACE_LONG=1 the process is frozen for a minute.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Producer, type ProducerOptions } from '../../src/index.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { javaConsume } from './fixture/index.ts'
import { type SecureKafka, startSecureKafka } from './fixture/secure-kafka.ts'
import type { FrozenReport } from './frozen-child.ts'
import { type LoopbackProxy, startProxy } from './loopback-proxy.ts'
import { isLong, optionsFor } from './security-kit.ts'

const longFreezeMs = 60_000
const childPath = fileURLToPath(
  new URL(`./frozen-child${extname(import.meta.url)}`, import.meta.url),
)

const portOf = (proxy: LoopbackProxy): number => Number(proxy.address.split(':')[1])

describe('a real broker that closes what is idle for two seconds', { concurrency: 4 }, () => {
  let secure: SecureKafka
  before(async () => {
    secure = await startSecureKafka({ properties: { 'connections.max.idle.ms': '2000' } })
  })
  after(() => secure?.[Symbol.asyncDispose]())

  const values = async (topic: string) =>
    (await javaConsume({ brokers: secure.kafka.brokers, topic })).map(({ value }) => String(value))

  /** Options of a producer whose connections all lead through the proxy. */
  const through = (proxy: LoopbackProxy, options: ProducerOptions): ProducerOptions => ({
    ...options,
    socketFactory: () => connect({ host: '127.0.0.1', port: portOf(proxy) }),
  })

  for (const listener of ['OPENPLAIN', 'TLS', 'SCRAM'] as const) {
    const mechanism = { OPENPLAIN: 'PLAIN', TLS: undefined, SCRAM: 'SCRAM-SHA-512' } as const

    it(`${listener}: after its connections were closed the next send succeeds`, async () => {
      const topic = `idle-${listener}`
      await secure.kafka.admin.createTopic(topic)
      await using proxy = await startProxy(secure.kafka.brokersOn(listener)[0]!)
      const options = optionsFor(secure, listener, mechanism[listener])
      await using producer = new Producer(through(proxy, options))
      for (const value of ['a', 'b']) {
        assert.equal((await producer.send({ topic, value })).topic, topic)
        await proxy.untilAllClosed()
      }
      await producer.send({ topic, value: 'c' })
      assert.deepEqual(await values(topic), ['a', 'b', 'c'])
    })

    it(`${listener}: after its connections went silent the next send succeeds`, async () => {
      const topic = `silent-${listener}`
      await secure.kafka.admin.createTopic(topic)
      await using proxy = await startProxy(secure.kafka.brokersOn(listener)[0]!)
      const options = {
        ...optionsFor(secure, listener, mechanism[listener]),
        requestTimeoutMs: 1000,
      }
      await using producer = new Producer(through(proxy, options))
      await producer.send({ topic, value: 'a' })
      const opened = proxy.connections
      proxy.swallow()
      await Promise.all(['b', 'c'].map((value) => producer.send({ topic, value })))
      assert.ok(proxy.connections > opened)
      assert.deepEqual(await values(topic), ['a', 'b', 'c'])
    })
  }

  it('a suspended process continues: nothing fails or is doubled', async () => {
    const topic = 'frozen'
    await secure.kafka.admin.createTopic(topic)
    await using proxy = await startProxy(secure.kafka.brokersOn('SCRAM')[0]!)
    const { logger: _, ...options } = optionsFor(secure, 'SCRAM', 'SCRAM-SHA-512')
    const args = [childPath, String(portOf(proxy)), JSON.stringify(options)]
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    let last = ''
    const lines = createInterface({ input: child.stdout })
    const delivered = (count: number): Promise<void> =>
      new Promise((resolve) => {
        const goal = Number(last) + count
        const onLine = (): void => {
          if (Number(last) < goal) return
          lines.off('line', onLine)
          resolve()
        }
        lines.on('line', onLine)
      })
    lines.on('line', (line) => {
      last = line
    })
    const closed = once(lines, 'close')
    try {
      await delivered(50)
      child.kill('SIGSTOP')
      if (isLong) await new Promise<void>((resolve) => systemClock.setTimer(longFreezeMs, resolve))
      else await proxy.untilAllClosed()
      child.kill('SIGCONT')
      await delivered(100)
      child.stdin.end()
      await closed
    } finally {
      child.kill('SIGKILL')
    }
    const report = JSON.parse(last) as FrozenReport
    assert.deepEqual(report.failed, [])
    assert.equal(report.delivered, report.sent)
    assert.deepEqual(
      await values(topic),
      Array.from({ length: report.sent }, (_, index) => `${index}`),
    )
  })
})
