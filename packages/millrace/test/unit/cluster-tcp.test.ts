// The same cluster object over real sockets and the machine's clock: what the in-memory network
// cannot show is node:net's own order of events, real rejections, and that nothing keeps the
// process alive.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cluster } from '../../src/cluster-client/cluster-client.ts'
import type { EngineEvents } from '../../src/engine/ports.ts'
import type { KafkaError } from '../../src/protocol/kafka-error.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { tcpTransport } from '../../src/runtime/tcp-transport.ts'
import type { Address } from '../../src/runtime/transport.ts'
import { defaultOptions, FakeBroker, FakeState } from './cluster-fixture.ts'

const noEvents: EngineEvents = {
  onTopic() {},
  onTopicFailed() {},
  onLinkReady() {},
  onLinkDown() {},
  onProducerId() {},
  onProducerIdDelayed() {},
  onProducerIdFailed() {},
}

const makeCluster = (brokers: readonly Address[], events: Partial<EngineEvents> = {}): Cluster =>
  new Cluster(
    {
      ...defaultOptions,
      brokers,
      transport: tcpTransport,
      clock: systemClock,
      random: systemRandom,
    },
    { ...noEvents, ...events },
  )

/** A broker on a free port, which advertises where it listens. */
const startBroker = async (state: FakeState, nodeId: number): Promise<FakeBroker> => {
  const address = { host: '127.0.0.1', port: 0 }
  const broker = new FakeBroker(nodeId, address, state, () => systemClock.now())
  await broker.start(tcpTransport)
  state.nodes.set(nodeId, broker.bound)
  return broker
}

const portThatRefuses = async (): Promise<number> => {
  const listener = await tcpTransport.listen({ host: '127.0.0.1', port: 0 }, () => ({
    onData() {},
    onClose() {},
  }))
  await listener.close()
  return listener.address.port
}

test('over TCP: metadata, a link, a producer id, and nothing open after close()', async () => {
  const state = new FakeState()
  const brokers = [await startBroker(state, 1), await startBroker(state, 2)]
  state.topics.set('a', { id: 7, partitions: [{ leader: 2, epoch: 1 }] })
  let cluster: Cluster | null = null
  await new Promise<void>((resolve) => {
    const seen = { leader: -2, id: -1 as ProducerId, ready: false }
    const check = () => {
      if (seen.leader === 2 && seen.id >= 1000 && seen.ready) resolve()
    }
    const made = makeCluster([{ host: 'localhost', port: brokers[0]?.bound.port ?? 0 }], {
      onTopic: (topic) => {
        seen.leader = topic.partitions[0]?.leaderId ?? -2
        made.link(seen.leader)?.open()
        check()
      },
      onLinkReady: (nodeId) => {
        seen.ready ||= nodeId === 2
        check()
      },
      onProducerId: ({ producerId }) => {
        seen.id = producerId
        check()
      },
    })
    cluster = made
    made.refreshTopic('a', 'unknown')
    made.initProducerId({ producerId: -1, epoch: -1 })
  })
  const made = cluster as Cluster | null
  assert.ok(made)
  assert.equal(made.link(2)?.ready, true)
  made.close()
  for (const broker of brokers) await broker.stop()
  for (const broker of brokers) assert.equal(broker.openStreams, 0)
})

test('over TCP: the error for a closed port names the address and the reason', async () => {
  const port = await portThatRefuses()
  const cluster = makeCluster([{ host: '127.0.0.1', port }])
  const error = await new Promise<KafkaError | null>((resolve) => cluster.connect(resolve))
  cluster.close()
  assert.equal(
    error?.message,
    `no broker could be reached: 127.0.0.1:${port} connection refused (ECONNREFUSED)`,
  )
  const left = process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name))
  assert.deepEqual(left, [])
})
