// The push of metrics (KIP-714) to a real broker with a receiver plugin, which reads them with
// Kafka's own copy of OpenTelemetry's classes.

import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, watch, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runChecked } from './fixture/commands.ts'
import { kafkaVersions, startKafka } from './fixture/index.ts'
import { javaArguments } from './fixture/java-runtime.ts'
import { producerFor } from './producer-kit.ts'

const waitMs = 60_000
const prefix = 'org.apache.kafka.producer.'

interface Point {
  readonly name: string
  readonly kind: string
  readonly monotonic: boolean
  readonly value: number
  readonly startTimeMs: number
  readonly timeMs: number
  readonly attributes: Readonly<Record<string, string>>
}

interface Push {
  readonly clientId: string
  readonly clientInstanceId: string
  readonly terminating: boolean
  readonly resource: Readonly<Record<string, string>>
  readonly metrics: readonly Point[]
}

const readPushes = async (file: string): Promise<Push[]> => {
  const lines = (await readFile(file, 'utf8')).split('\n')
  // The last line may be half written.
  return lines.slice(0, -1).map((line) => JSON.parse(line))
}

/** The pushes, once there are so many. */
const pushesOf = async (file: string, count: number): Promise<Push[]> => {
  const changes = watch(file, { signal: AbortSignal.timeout(waitMs) })
  for (;;) {
    const pushes = await readPushes(file)
    if (pushes.length >= count) return pushes
    await changes[Symbol.asyncIterator]().next()
  }
}

const pointOf = ({ metrics }: Push, name: string): Point => {
  const found = metrics.find((metric) => metric.name === `${prefix}${name}`)
  assert.ok(found !== undefined, `${name} was not pushed`)
  return found
}

for (const version of kafkaVersions) {
  test(`Kafka ${version} takes what a producer pushes, and understands it`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-telemetry-'))
    const file = join(folder, 'pushes.jsonl')
    await writeFile(file, '')
    const properties = {
      'metric.reporters': 'TelemetryReceiver',
      'millrace.telemetry.file': file,
    }
    try {
      await using kafka = await startKafka({ version, properties })
      const setting = ['TelemetryReceiver', kafka.brokers.join(), '200', prefix]
      await runChecked('java', [...(await javaArguments(version)), ...setting])
      const startedAtMs = Date.now()
      const producer = producerFor(kafka, { clientId: 'shop', transactionalId: 'x' })
      await producer.transaction((transaction) => transaction.send({ topic: 't', value: 'a' }))
      await pushesOf(file, 2)
      await producer.close()
      const pushes = await readPushes(file)
      assert.deepEqual(
        pushes.map(({ terminating }) => terminating),
        pushes.map((_, index) => index === pushes.length - 1),
      )
      assert.equal(new Set(pushes.map(({ clientInstanceId }) => clientInstanceId)).size, 1)
      const last = pushes.at(-1)!
      assert.equal(last.clientId, 'shop')
      assert.deepEqual(last.resource, { transactional_id: 'x' })
      assert.ok(pointOf(last, 'record.queue.time.avg').value > 0)
      assert.ok(pointOf(last, 'node.request.latency.max').value > 0)
      const created = pointOf(last, 'connection.creation.total')
      assert.match(created.kind, /^AGGREGATION_TEMPORALITY_(DELTA|CUMULATIVE)$/)
      assert.equal(created.monotonic, true)
      assert.ok(created.timeMs >= startedAtMs && created.timeMs <= Date.now())
      const sent = pushes.flatMap(({ metrics }) =>
        metrics.filter(({ name }) => name === `${prefix}topic.record.send.total`),
      )
      const isDelta = created.kind.endsWith('DELTA')
      const total = isDelta ? sent.reduce((sum, { value }) => sum + value, 0) : sent.at(-1)!.value
      assert.equal(total, 1)
      assert.deepEqual(sent[0]!.attributes, { topic: 't' })
    } finally {
      await rm(folder, { recursive: true })
    }
  })
}
