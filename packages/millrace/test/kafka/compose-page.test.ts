// The settings of the Compose file of docs/local-kafka.md, given to a real Kafka: both listeners
// serve, and a transaction commits with a group's offsets. Only hosts and ports are others.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { Producer } from '../../src/index.ts'
import { blocksOf } from '../docs/doc-blocks.ts'
import { docsPath } from '../docs/doc-programs.ts'
import { javaConsume, startKafka } from './fixture/index.ts'
import { freePorts } from './fixture/ports.ts'

const page = 'local-kafka.md'

/** `KAFKA_NODE_ID` → `node.id`, as the image does it. */
const propertiesOf = (environment: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name.replace('KAFKA_', '').toLowerCase().replaceAll('_', '.'),
      value,
    ]),
  )

test('the Compose file: both listeners serve, a transaction commits', async () => {
  const blocks = blocksOf(page, await readFile(join(docsPath, page), 'utf8'))
  const { services } = parse(blocks.find(({ language }) => language === 'yaml')!.code)
  const given = propertiesOf(services.kafka.environment)
  const [host, network, controller] = await freePorts(3)
  const ports: Readonly<Record<string, unknown>> = {
    9092: host,
    29092: network,
    9093: controller,
  }
  const properties = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [
      name,
      value.replaceAll(/(localhost|kafka|\/\/):(\d+)/g, (_, before, port) => {
        const address = `127.0.0.1:${ports[port]}`
        return before === '//' ? `//${address}` : address
      }),
    ]),
  )
  await using kafka = await startKafka({ properties, port: host! })
  for (const port of [host, network]) {
    const transactionalId = `on ${port}`
    await using producer = new Producer({ brokers: `127.0.0.1:${port}`, transactionalId })
    await producer.transaction(async (transaction) => {
      await transaction.send({ topic: 'orders', value: transactionalId })
      await transaction.sendOffsets([{ topic: 'orders', partition: 0, offset: 1 }], 'billing')
    })
  }
  const isolation = 'read_committed'
  const records = await javaConsume({ brokers: kafka.brokers, topic: 'orders', isolation })
  assert.equal(records.length, 2)
})
