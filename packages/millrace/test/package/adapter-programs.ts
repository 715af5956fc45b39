// Small programs in TypeScript, one for each adapter, as people write them: what is made, what is
// sent, how it ends. Each closes with a line that must not compile, so that types which silently
// became `any` are seen. They fit ES modules and CommonJS; user-types.ts has them compiled.

const kafkajs = `
import { CompressionTypes, Kafka, type KafkaConfig, KafkaJSError } from '@millrace/kafkajs'
import { KafkaJSNumberOfRetriesExceeded, logLevel, type logCreator } from '@millrace/kafkajs'
import { type Message, Partitioners, type Producer, type RequestEvent } from '@millrace/kafkajs'
import type { RecordMetadata } from '@millrace/kafkajs'
import { KafkaError } from 'millrace'

const toConsole: logCreator = () => ({ label, log, namespace }) =>
  console.log(label, namespace, log.message)
const config: KafkaConfig = {
  brokers: async () => ['localhost:9092'],
  ssl: { ca: ['-----BEGIN CERTIFICATE-----'] },
  sasl: { mechanism: 'scram-sha-256', username: 'shop', password: 'secret' },
  retry: { retries: 3 },
  logLevel: logLevel.WARN,
  logCreator: toConsole,
  millrace: { lingerMs: 5 },
}
const kafka = new Kafka(config)
const createPartitioner = Partitioners.LegacyPartitioner
const producer: Producer = kafka.producer({ createPartitioner, millrace: { lingerMs: 10 } })
const remove = producer.on(producer.events.REQUEST, ({ payload }: RequestEvent) =>
  console.log(payload.broker, payload.duration.toFixed()),
)
producer.on(producer.events.DISCONNECT, ({ timestamp }) => console.log(timestamp.toFixed()))
process.once('SIGTERM', async () => {
  remove()
  await producer.disconnect()
})

export const send = async (messages: Message[]): Promise<RecordMetadata[]> => {
  await producer.connect()
  try {
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic: 'orders', messages }] })
    return await producer.send({ topic: 'orders', compression: CompressionTypes.ZSTD, messages })
  } catch (error) {
    if (error instanceof KafkaJSNumberOfRetriesExceeded) console.error(error.retryCount.toFixed())
    if (error instanceof KafkaJSError && error.cause instanceof KafkaError) {
      console.error(error.cause.persisted)
    }
    throw error
  }
}
export const bill = async () => {
  const billing = kafka.producer({ transactionalId: 'billing', maxInFlightRequests: 1 })
  const transaction = await billing.transaction()
  const headers = { trace: ['a', Buffer.from('b')] }
  await transaction.send({ topic: 'bills', messages: [{ key: 'a', value: '1', headers }] })
  const topics = [{ topic: 'orders', partitions: [{ partition: 0, offset: '42' }] }]
  await transaction.sendOffsets({ consumerGroupId: 'billing', topics })
  await transaction.commit()
}
// @ts-expect-error A number is no topic.
producer.send({ topic: 42, messages: [] })
`

/** Where kafkajs stands beside the adapter: consumers and admin are its own. */
const kafkajsConsumer = `
import { type Admin, type Consumer, type EachMessagePayload, Kafka } from '@millrace/kafkajs'
import type * as theirs from 'kafkajs'

const kafka = new Kafka({ brokers: ['localhost:9092'] })
export const consumer: Consumer = kafka.consumer({ groupId: 'billing' })
const eachMessage = async ({ message, partition }: EachMessagePayload) =>
  console.log(message.offset.length, partition.toFixed())
export const run = async () => {
  await consumer.subscribe({ topics: ['orders'] })
  await consumer.run({ eachMessage })
  await consumer.run({ eachMessage: async ({ heartbeat }) => heartbeat() })
}
export const admin: Admin = kafka.admin()
export const same: theirs.Admin = admin
// @ts-expect-error A group has a name.
kafka.consumer({ groupId: 42 })
`

const nestjs = `
import { type KafkaMessage, MillraceClient, MillraceModule } from '@millrace/nestjs'
import type { MillraceClientOptions } from '@millrace/nestjs'
import { Inject, Injectable, Module, type OnModuleInit } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ClientProxy, ClientsModule } from '@nestjs/microservices'
import type { BatchResult, RecordMetadata } from 'millrace'
import { RecordingProducer } from 'millrace/testing'
import { firstValueFrom } from 'rxjs'

@Injectable()
export class Orders implements OnModuleInit {
  constructor(
    @Inject('ORDERS') private readonly client: MillraceClient,
    @Inject('OTHERS') readonly others: ClientProxy,
  ) {}
  async onModuleInit() {
    await this.client.connect()
  }
  place(order: KafkaMessage): Promise<RecordMetadata> {
    return firstValueFrom(this.client.emit<RecordMetadata, KafkaMessage>('orders', order))
  }
  placeAll(orders: KafkaMessage[]): Promise<BatchResult> {
    return firstValueFrom(this.client.emitBatch('orders', orders))
  }
}
const useFactory = async (brokers: string[]): Promise<MillraceClientOptions> => ({
  producer: { brokers },
  closeTimeoutMs: 10_000,
})
const options = { producer: { brokers: 'localhost:9092' } }
@Module({
  imports: [
    MillraceModule.register({ name: 'ORDERS', ...options, isGlobal: true }),
    MillraceModule.registerAsync({ name: 'OTHERS', inject: ['BROKERS'], useFactory }),
    ClientsModule.register([{ name: 'CUSTOM', customClass: MillraceClient, options }]),
  ],
  providers: [Orders],
})
export class Shop {}

export const start = async () => {
  const application = await NestFactory.createApplicationContext(Shop)
  application.enableShutdownHooks()
  return application
}
export const stop = async () => {
  const client = new MillraceClient({ producer: new RecordingProducer() })
  const proxy: ClientProxy = client
  await proxy.close()
  await client.onApplicationShutdown()
  return (await client.close()).delivered.toFixed()
}
// @ts-expect-error A number is no broker.
MillraceModule.register({ name: 'ORDERS', producer: { brokers: 42 } })
`

const openTelemetry = `
import { type OpenTelemetryOptions, openTelemetry, type SpanMode } from '@millrace/opentelemetry'
import { metrics, trace } from '@opentelemetry/api'
import { Producer, type ProducerInterceptor } from 'millrace'

const spans: SpanMode = 'batch'
const options: OpenTelemetryOptions = {
  spans,
  keys: true,
  tracerProvider: trace.getTracerProvider(),
  meterProvider: metrics.getMeterProvider(),
}
export const send = async () => {
  const interceptors = [openTelemetry(), openTelemetry(options)]
  await using producer = new Producer({ brokers: 'localhost:9092', interceptors })
  const made: ProducerInterceptor = openTelemetry()(producer)
  await producer.send({ topic: 'orders', value: 'a' })
  return made
}
// @ts-expect-error There is no such mode.
openTelemetry({ spans: 'many' })
`

const prometheus = `
import { type CollectOptions, collectMetrics, type MetricsCollection } from '@millrace/prometheus'
import { Producer } from 'millrace'
import { Registry, register } from 'prom-client'

export const serve = async () => {
  await using producer = new Producer({ brokers: 'localhost:9092' })
  const options: CollectOptions = { register: new Registry(), labels: { pool: 'a' } }
  const collections: MetricsCollection[] = [
    collectMetrics(producer),
    collectMetrics(producer, { register }),
    collectMetrics(producer, options),
  ]
  await producer.send({ topic: 'orders', value: 'a' })
  for (const collection of collections) collection.stop()
  return register.metrics()
}
// @ts-expect-error This is not a producer.
collectMetrics({})
`

const schemaRegistry = `
import { avroSerializer, jsonSchemaSerializer, RegistryError } from '@millrace/schema-registry'
import { protobufSerializer, SchemaRegistry } from '@millrace/schema-registry'
import type { SchemaRegistryOptions } from '@millrace/schema-registry'
import { KafkaError, Producer, type Serializer, textSerializer, typedTopics } from 'millrace'

interface Order {
  id: string
  total: number
}
const auth = { username: 'shop', password: 'secret' }
const options: SchemaRegistryOptions = { url: ['http://localhost:8081'], auth }
const registry = new SchemaRegistry(options)
const schema = { type: 'object' }
const value: Serializer<Order> = avroSerializer<Order>({ registry, logicalTypes: {} })
const producer = new Producer({ brokers: 'localhost:9092' })
const topics = typedTopics(producer, {
  orders: { key: textSerializer, value },
  clicks: { value: jsonSchemaSerializer<{ x: number }>({ registry, schema, autoRegister: true }) },
  lines: {
    value: protobufSerializer<Order>({
      registry,
      messageType: 'shop.Order',
      subject: ({ topic, field }) => topic + '-' + field,
    }),
  },
})
export const send = async (order: Order) => {
  try {
    await topics.send({ topic: 'orders', key: '42', value: order })
    await topics.send({ topic: 'clicks', value: { x: 1 } })
    await topics.send({ topic: 'lines', value: order })
  } catch (error) {
    const { cause } = error as KafkaError
    if (cause instanceof RegistryError) console.error(cause.status.toFixed())
  } finally {
    await producer.close()
  }
}
// @ts-expect-error An order's id is a text.
topics.send({ topic: 'orders', key: '42', value: { id: 42, total: 7 } })
`

const console = `
import { type Console, type ConsoleOptions, serveConsole } from '@millrace/console'
import { Producer } from 'millrace'

export const serve = async (options: ConsoleOptions) => {
  await using producer = new Producer({ brokers: 'localhost:9092' })
  await using page: Console = await serveConsole(producer, options)
  const other = await serveConsole(producer)
  await other.close()
  return page.url.length
}
// @ts-expect-error This is not a producer.
serveConsole({})
`

/** Imports each type that kafkajs declares; those of mechanisms of one's own are rejected. */
export const kafkajsNamesProgram = (declarations: string): string => {
  const declared = /^export (?:declare )?(?:type|interface|class|enum|const) (\w+)/gm
  const names = [...declarations.matchAll(declared)].map(([, name]) => name!)
  const rejected = [
    'AuthenticationProviderArgs',
    'Authenticator',
    'Mechanism',
    'SaslAuthenticateArgs',
  ]
  const wanted = [...new Set(names)].filter((name) => !rejected.includes(name))
  return `export type { ${wanted.join(', ')} } from '@millrace/kafkajs'\n`
}

/** Needs nothing but the adapter and Node's types. */
export const kafkajsProgram = kafkajs

/** By the names of their files: those of one adapter begin with its name. */
export const adapterPrograms: Readonly<Record<string, string>> = {
  'kafkajs.ts': kafkajs,
  'kafkajs-consumer.ts': kafkajsConsumer,
  'nestjs.ts': nestjs,
  'opentelemetry.ts': openTelemetry,
  'prometheus.ts': prometheus,
  'schema-registry.ts': schemaRegistry,
  'console.ts': console,
}
