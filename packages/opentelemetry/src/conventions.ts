// The names of OpenTelemetry's messaging conventions (semantic conventions 1.45) that this package
// uses. They are copied, because the conventions package may rename unstable ones in any release; a
// test compares each with that package. Callers: client-metrics.ts, producer-telemetry.ts,
// snapshot-metrics.ts, and spans.ts.

export const attribute = {
  systemName: 'messaging.system.name',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  destinationName: 'messaging.destination.name',
  partitionId: 'messaging.destination.partition.id',
  clientId: 'messaging.client.id',
  batchMessageCount: 'messaging.batch.message_count',
  kafkaOffset: 'kafka.offset',
  kafkaMessageKey: 'kafka.message.key',
  kafkaMessageTombstone: 'kafka.message.tombstone',
  errorType: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
} as const

export const systemKafka = 'kafka'
export const operationSend = 'send'
export const operationCreate = 'create'

export const metricName = {
  operationDuration: 'messaging.client.operation.duration',
  sentMessages: 'messaging.client.sent.messages',
} as const

/** The bucket boundaries that the conventions recommend for durations in seconds. */
export const durationBounds = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
