// Captures what a real broker returns, as golden files for protocol-golden.test.ts:
//   node packages/millrace/test/golden/regenerate.ts --brokers 127.0.0.1:9092 --kafka 4.4.0
// It wants Node 22.18 or newer and a fresh broker of that release, with node id 1 (it makes topics
// and a transaction), and writes responses/kafka-4.4.0.json. Sockets and framing are its own, so
// that only the bytes of the broker count.

import { writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { parseArgs } from 'node:util'
import { produceApi } from '../../src/protocol/api/00-produce.ts'
import { fetchApi } from '../../src/protocol/api/01-fetch.ts'
import { listOffsetsApi } from '../../src/protocol/api/02-list-offsets.ts'
import { metadataApi } from '../../src/protocol/api/03-metadata.ts'
import { offsetCommitApi } from '../../src/protocol/api/08-offset-commit.ts'
import { offsetFetchApi } from '../../src/protocol/api/09-offset-fetch.ts'
import { findCoordinatorApi } from '../../src/protocol/api/10-find-coordinator.ts'
import { joinGroupApi } from '../../src/protocol/api/11-join-group.ts'
import { heartbeatApi } from '../../src/protocol/api/12-heartbeat.ts'
import { leaveGroupApi } from '../../src/protocol/api/13-leave-group.ts'
import { syncGroupApi } from '../../src/protocol/api/14-sync-group.ts'
import { listGroupsApi } from '../../src/protocol/api/16-list-groups.ts'
import { saslHandshakeApi } from '../../src/protocol/api/17-sasl-handshake.ts'
import {
  apiVersionsApi,
  decodeApiVersionsResponse,
} from '../../src/protocol/api/18-api-versions.ts'
import { createTopicsApi } from '../../src/protocol/api/19-create-topics.ts'
import { deleteTopicsApi } from '../../src/protocol/api/20-delete-topics.ts'
import { deleteRecordsApi } from '../../src/protocol/api/21-delete-records.ts'
import { initProducerIdApi } from '../../src/protocol/api/22-init-producer-id.ts'
import { addPartitionsToTxnApi } from '../../src/protocol/api/24-add-partitions-to-txn.ts'
import { addOffsetsToTxnApi } from '../../src/protocol/api/25-add-offsets-to-txn.ts'
import { endTxnApi } from '../../src/protocol/api/26-end-txn.ts'
import { writeTxnMarkersApi } from '../../src/protocol/api/27-write-txn-markers.ts'
import { txnOffsetCommitApi } from '../../src/protocol/api/28-txn-offset-commit.ts'
import { describeConfigsApi } from '../../src/protocol/api/32-describe-configs.ts'
import { createPartitionsApi } from '../../src/protocol/api/37-create-partitions.ts'
import { incrementalAlterConfigsApi } from '../../src/protocol/api/44-incremental-alter-configs.ts'
import { describeClusterApi } from '../../src/protocol/api/60-describe-cluster.ts'
import { describeProducersApi } from '../../src/protocol/api/61-describe-producers.ts'
import { describeTransactionsApi } from '../../src/protocol/api/65-describe-transactions.ts'
import { listTransactionsApi } from '../../src/protocol/api/66-list-transactions.ts'
import { decodeResponseHeader, encodeRequestHeader } from '../../src/protocol/api/header.ts'
import { Reader } from '../../src/protocol/bytes/reader.ts'
import { Writer } from '../../src/protocol/bytes/writer.ts'
import type { ProducerId } from '../../src/protocol/producer-id.ts'
import { crc32c } from '../../src/protocol/records/crc.ts'
import type { AnyApi, Api, Input } from '../../src/protocol/schema/api.ts'
import { goldenFile } from './golden-file.ts'
import type { GoldenResponse } from './golden-response.ts'

interface Identity {
  readonly producerId: ProducerId
  readonly producerEpoch: number
}

const responseTimeoutMs = 20_000
const attemptsMax = 100

/** One connection: a request, then its response. */
class Line {
  readonly #socket: Socket
  #received = Buffer.alloc(0)
  #wake: (error?: Error) => void = () => {}

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setTimeout(responseTimeoutMs, () => socket.destroy(new Error('no response in time')))
    socket.on('data', (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes])
      this.#wake()
    })
    socket.on('error', (error) => this.#wake(error))
    socket.on('close', () => this.#wake(new Error('the broker closed the connection')))
  }

  async frame(bytes: Uint8Array): Promise<Uint8Array> {
    const size = Buffer.alloc(4)
    size.writeInt32BE(bytes.length)
    this.#socket.write(Buffer.concat([size, bytes]))
    for (;;) {
      const length = this.#received.length < 4 ? null : this.#received.readInt32BE(0)
      if (length !== null && this.#received.length >= 4 + length) {
        const captured = Uint8Array.from(this.#received.subarray(4, 4 + length))
        this.#received = this.#received.subarray(4 + length)
        return captured
      }
      await new Promise<void>((resolve, reject) => {
        this.#wake = (error) => (error === undefined ? resolve() : reject(error))
      })
    }
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }
}

const captures: GoldenResponse[] = []
const served = new Map<number, { min: number; max: number }>()
let correlationId = 0
let line: Line

/** Sends a request and returns the bytes of both frames, without their sizes. */
const frames = async (
  api: AnyApi,
  version: number,
  writeBody: (writer: Writer) => void,
): Promise<{ request: Uint8Array; response: Uint8Array }> => {
  correlationId += 1
  const writer = new Writer()
  encodeRequestHeader(
    writer,
    { apiKey: api.key, apiVersion: version, correlationId, clientId: 'golden' },
    api.isFlexible(version),
  )
  writeBody(writer)
  const request = writer.finish()
  return { request, response: await line.frame(request) }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Keeps what the broker returns under `title`; returns it decoded. */
const capture = async <Request, Response>(
  api: Api<Request, Response>,
  version: number,
  title: string,
  value: Input<Request>,
  keep = true,
): Promise<Response> => {
  const { request, response } = await frames(api, version, (writer) =>
    api.encodeRequest(writer, value, version),
  )
  if (keep) {
    captures.push({ api: api.name, version, title, request: hex(request), response: hex(response) })
  }
  const reader = new Reader(response)
  decodeResponseHeader(reader, api.key, api.isFlexible(version))
  return api.decodeResponse(reader, version)
}

/** The versions that both sides know. */
const versionsOf = (api: AnyApi, max = api.versions.max): number[] => {
  const range = served.get(api.key)
  if (range === undefined) return []
  const versions: number[] = []
  const end = Math.min(range.max, max)
  for (let version = Math.max(range.min, api.versions.min); version <= end; version += 1) {
    versions.push(version)
  }
  return versions
}

/**
 * Repeats without keeping anything, until the broker is ready; then the caller sends one more
 * request.
 */
const until = async (attempt: () => Promise<boolean>): Promise<void> => {
  for (let count = 0; count < attemptsMax; count += 1) {
    if (await attempt()) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the broker did not become ready')
}

/** One batch; a null key shows what a compacted topic thinks of it. */
const recordBatch = (keys: readonly (string | null)[]): Uint8Array => {
  const records = new Writer()
  keys.forEach((key, index) => {
    const record = new Writer()
    record.writeInt8(0)
    record.writeVarlong(0)
    record.writeVarint(index)
    record.writeVarint(key === null ? -1 : key.length)
    if (key !== null) record.writeRaw(Buffer.from(key))
    record.writeVarint(5)
    record.writeRaw(Buffer.from('value'))
    record.writeVarint(0)
    records.writeVarint(record.size)
    records.writeRaw(record.finish())
  })
  const checked = new Writer()
  checked.writeInt16(0)
  checked.writeInt32(keys.length - 1)
  checked.writeInt64(1_700_000_000_000)
  checked.writeInt64(1_700_000_000_000)
  checked.writeInt64(-1)
  checked.writeInt16(-1)
  checked.writeInt32(-1)
  checked.writeInt32(keys.length)
  checked.writeRaw(records.finish())
  const body = checked.finish()
  const batch = new Writer()
  batch.writeInt64(0)
  batch.writeInt32(9 + body.length)
  batch.writeInt32(-1)
  batch.writeInt8(2)
  batch.writeUint32(crc32c(body))
  batch.writeRaw(body)
  return batch.finish()
}

const captureApiVersions = async (): Promise<void> => {
  const first = await capture(apiVersionsApi, 0, 'what the broker serves', {})
  for (const { apiKey, minVersion, maxVersion } of first.apiKeys) {
    served.set(apiKey, { min: minVersion, max: maxVersion })
  }
  const software = { clientSoftwareName: 'golden', clientSoftwareVersion: '1' }
  for (const version of versionsOf(apiVersionsApi).filter((one) => one > 0)) {
    await capture(apiVersionsApi, version, 'what the broker serves', version < 3 ? {} : software)
  }
  // A version from the future, with the header and body of the newest that we know.
  const { request, response } = await frames(apiVersionsApi, 99, (writer) =>
    apiVersionsApi.encodeRequest(writer, software, apiVersionsApi.versions.max),
  )
  decodeApiVersionsResponse(response.subarray(4), 99)
  const title = 'a version that is not served'
  const { name } = apiVersionsApi
  captures.push({ api: name, version: 0, title, request: hex(request), response: hex(response) })
}

const captureTopics = async (): Promise<Uint8Array> => {
  for (const version of versionsOf(createTopicsApi)) {
    const placed = { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }
    const plain = { numPartitions: 1, replicationFactor: 1 }
    const topics = [
      { name: `made-in-v${version}`, ...plain, configs: [{ name: 'retention.ms', value: '9000' }] },
      { name: `placed-in-v${version}`, numPartitions: -1, replicationFactor: -1, ...placed },
      { name: 'bad name', ...plain },
    ]
    await capture(createTopicsApi, version, 'two topics and a bad name', { topics })
  }
  const newest = versionsOf(createTopicsApi).at(-1)!
  const golden = { name: 'golden', numPartitions: 2, replicationFactor: 1 }
  const configs = [{ name: 'cleanup.policy', value: 'compact' }]
  const compacted = { name: 'compacted', numPartitions: 1, replicationFactor: 1, configs }
  await capture(createTopicsApi, newest, 'the topics used below', { topics: [golden, compacted] })
  await capture(createTopicsApi, newest, 'a topic that exists', { topics: [golden] })
  const topics = [{ name: 'golden' }, { name: 'compacted' }]
  await until(async () => {
    const captured = await capture(metadataApi, 12, '', { topics }, false)
    const partitions = captured.topics.flatMap((topic) => topic.partitions)
    return partitions.length === 3 && partitions.every(({ errorCode }) => errorCode === 0)
  })
  const named = [...topics, { name: 'not-there' }]
  for (const version of versionsOf(metadataApi)) {
    const request = { topics: named, ...(version >= 4 && { allowAutoTopicCreation: false }) }
    await capture(metadataApi, version, 'two topics and one that is not there', request)
  }
  const captured = await capture(metadataApi, 12, '', { topics }, false)
  return captured.topics[0]!.topicId
}

const captureRecords = async (topicId: Uint8Array): Promise<void> => {
  const unknownId = new Uint8Array(16).fill(9)
  const topicOf = (version: number, limit: number, name: string, id: Uint8Array) =>
    version < limit ? { name } : { topicId: id }
  for (const version of versionsOf(produceApi).filter((one) => one >= 3)) {
    const partitionData = [{ index: 0, records: recordBatch(['key', null]) }]
    const golden = { ...topicOf(version, 13, 'golden', topicId), partitionData }
    const missing = { ...topicOf(version, 13, 'not-there', unknownId), partitionData }
    const request = { acks: -1, timeoutMs: 5000, topicData: [golden, missing] }
    await capture(produceApi, version, 'two records, and a topic that is not there', request)
  }
  for (const version of versionsOf(produceApi, 12).filter((one) => one >= 3)) {
    const records = recordBatch(['key', null, 'key', null])
    const topicData = [{ name: 'compacted', partitionData: [{ index: 0, records }] }]
    const request = { acks: -1, timeoutMs: 5000, topicData }
    await capture(produceApi, version, 'records without keys for a compacted topic', request)
  }
  for (const version of versionsOf(fetchApi)) {
    const partitions = [
      { partition: 0, fetchOffset: 0, partitionMaxBytes: 400 },
      { partition: 1, fetchOffset: 7, partitionMaxBytes: 400 },
    ]
    const topic = version < 13 ? { topic: 'golden' } : { topicId }
    const request = { maxWaitMs: 0, minBytes: 0, topics: [{ ...topic, partitions }] }
    await capture(fetchApi, version, 'records, and an offset out of range', request)
  }
  for (const version of versionsOf(listOffsetsApi)) {
    const timestamps = [-1, -2, 1_600_000_000_000]
    for (const timestamp of timestamps) {
      const topics = [{ name: 'golden', partitions: [{ partitionIndex: 0, timestamp }] }]
      await capture(listOffsetsApi, version, `the offset of time ${timestamp}`, {
        replicaId: -1,
        topics,
      })
    }
  }
}

const captureCoordinators = async (): Promise<void> => {
  const newest = versionsOf(findCoordinatorApi).at(-1)!
  for (const [keyType, key] of [
    [0, 'golden-group'],
    [1, 'golden-transaction'],
  ] as const) {
    await until(async () => {
      const request = { keyType, coordinatorKeys: [key] }
      const captured = await capture(findCoordinatorApi, newest, '', request, false)
      return captured.coordinators.every(({ errorCode }) => errorCode === 0)
    })
    for (const version of versionsOf(findCoordinatorApi)) {
      if (version === 0 && keyType === 1) continue
      const request = version < 4 ? { key, keyType } : { coordinatorKeys: [key, 'other'], keyType }
      await capture(findCoordinatorApi, version, `coordinator of ${key}`, request)
    }
  }
}

const transactionalId = 'golden-transaction'

const captureProducerIds = async (): Promise<void> => {
  const plain = { transactionalId: null, transactionTimeoutMs: 60_000 }
  // A fresh broker has to get its block of producer ids first.
  await until(async () => {
    const { errorCode } = await capture(initProducerIdApi, 4, '', plain, false)
    return errorCode === 0
  })
  for (const version of versionsOf(initProducerIdApi, 5)) {
    await capture(initProducerIdApi, version, 'a producer id', plain)
    const wrong = { transactionalId, transactionTimeoutMs: 999_999_999 }
    await capture(initProducerIdApi, version, 'a transaction timeout too long', wrong)
  }
}

/** A whole transaction in each version that takes one. */
const captureTransactions = async (): Promise<void> => {
  const groupId = 'golden-group'
  for (let version = 0; version <= 4; version += 1) {
    const initial = { transactionalId, transactionTimeoutMs: 60_000 }
    let identity: Identity = { producerId: -1, producerEpoch: -1 }
    await until(async () => {
      const { errorCode, producerId, producerEpoch } = await capture(
        initProducerIdApi,
        Math.min(version, 5),
        '',
        initial,
        false,
      )
      identity = { producerId, producerEpoch }
      return errorCode === 0
    })
    const add = {
      v3AndBelowTransactionalId: transactionalId,
      v3AndBelowProducerId: identity.producerId,
      v3AndBelowProducerEpoch: identity.producerEpoch,
      v3AndBelowTopics: [{ name: 'golden', partitions: [1] }],
    }
    const addVersion = Math.min(version, 3)
    await capture(addPartitionsToTxnApi, addVersion, 'a partition', add)
    const base = { transactionalId, groupId, ...identity }
    await capture(addOffsetsToTxnApi, version, 'the offsets of a group', base)
    const partitions = [{ partitionIndex: 0, committedOffset: 2, committedMetadata: 'm' }]
    const topics = [{ name: 'golden', partitions }]
    await capture(txnOffsetCommitApi, version, 'an offset', { ...base, topics })
    const end = { transactionalId, ...identity, committed: version % 2 === 0 }
    await capture(endTxnApi, version, 'the end of a transaction', end)
  }
}

const captureGroups = async (topicId: Uint8Array): Promise<void> => {
  const groupId = 'golden-offsets'
  const memberId = 'missing'
  for (const version of versionsOf(offsetCommitApi)) {
    const partitions = [{ partitionIndex: 1, committedOffset: version, committedMetadata: null }]
    const topics = [{ ...(version < 10 ? { name: 'golden' } : { topicId }), partitions }]
    await capture(offsetCommitApi, version, 'an offset', { groupId, topics })
  }
  for (const version of versionsOf(offsetFetchApi)) {
    const topic = version < 10 ? { name: 'golden' } : { topicId }
    const topics = [{ ...topic, partitionIndexes: [0, 1] }]
    const old = { groupId, topics: [{ name: 'golden', partitionIndexes: [0, 1] }] }
    const request = version < 8 ? old : { groups: [{ groupId, topics }] }
    await capture(offsetFetchApi, version, 'two partitions', request)
  }
  const join = { groupId, memberId, sessionTimeoutMs: 30_000, protocolType: 'consumer' }
  for (const version of versionsOf(joinGroupApi)) {
    const protocols = [{ name: 'range', metadata: new Uint8Array(4) }]
    await capture(joinGroupApi, version, 'a member that is not known', { ...join, protocols })
  }
  for (const version of versionsOf(heartbeatApi)) {
    await capture(heartbeatApi, version, 'a member that is not known', { groupId, memberId })
  }
  for (const version of versionsOf(syncGroupApi)) {
    await capture(syncGroupApi, version, 'a member that is not known', { groupId, memberId })
  }
  for (const version of versionsOf(leaveGroupApi)) {
    const request = version < 3 ? { groupId, memberId } : { groupId, members: [{ memberId }] }
    await capture(leaveGroupApi, version, 'a member that is not known', request)
  }
}

const captureAdministration = async (): Promise<void> => {
  const configurationKeys = ['cleanup.policy', 'max.message.bytes']
  for (const version of versionsOf(describeConfigsApi)) {
    const resources = [{ resourceType: 2, resourceName: 'compacted', configurationKeys }]
    const options = { includeSynonyms: true, ...(version >= 3 && { includeDocumentation: true }) }
    await capture(describeConfigsApi, version, 'two settings', { resources, ...options })
  }
  for (const version of versionsOf(describeClusterApi)) {
    await capture(describeClusterApi, version, 'the brokers', {})
  }
  for (const version of versionsOf(saslHandshakeApi)) {
    await capture(saslHandshakeApi, version, 'on a plain listener', { mechanism: 'PLAIN' })
  }
  for (const version of versionsOf(deleteTopicsApi)) {
    const names = [`made-in-v${version}`, `not-made-in-v${version}`]
    const byName = { topicNames: names, timeoutMs: 5000 }
    const request =
      version < 6 ? byName : { topics: names.map((name) => ({ name })), timeoutMs: 5000 }
    await capture(deleteTopicsApi, version, 'a topic and one that is not there', request)
  }
}

const captureOperations = async (): Promise<void> => {
  for (const version of versionsOf(listGroupsApi)) {
    await capture(listGroupsApi, version, 'the groups of the broker', {})
  }
  for (const version of versionsOf(deleteRecordsApi)) {
    const partitions = [0, 9].map((partitionIndex) => ({ partitionIndex, offset: 1 }))
    const request = { topics: [{ name: 'golden', partitions }], timeoutMs: 5000 }
    await capture(deleteRecordsApi, version, 'a partition and one that is not there', request)
  }
  for (const version of versionsOf(createPartitionsApi)) {
    const topics = [
      { name: 'golden', count: 3 + version },
      { name: 'compacted', count: 1 },
    ].map((topic) => ({ ...topic, assignments: null }))
    const request = { topics, timeoutMs: 5000 }
    await capture(createPartitionsApi, version, 'more partitions, and no more than before', request)
  }
  for (const version of versionsOf(incrementalAlterConfigsApi)) {
    const resources = [
      { name: 'retention.ms', configOperation: 0, value: '7000' },
      { name: 'no.such.setting', configOperation: 0, value: '1' },
    ].map((config) => ({ resourceType: 2, resourceName: 'compacted', configs: [config] }))
    for (const resource of resources) {
      const [config] = resource.configs
      const request = { resources: [resource] }
      await capture(incrementalAlterConfigsApi, version, `the setting ${config!.name}`, request)
    }
  }
}

const captureTransactionTools = async (): Promise<void> => {
  const topics = [{ name: 'golden', partitionIndexes: [1, 9] }]
  for (const version of versionsOf(describeProducersApi)) {
    await capture(describeProducersApi, version, 'a partition and one that is not there', {
      topics,
    })
  }
  for (const version of versionsOf(describeTransactionsApi)) {
    const request = { transactionalIds: [transactionalId, 'not-there'] }
    await capture(describeTransactionsApi, version, 'one and one that is not there', request)
  }
  for (const version of versionsOf(listTransactionsApi)) {
    await capture(listTransactionsApi, version, 'all', {})
    const request = { stateFilters: ['Ongoing', 'NoState'], producerIdFilters: [3] }
    await capture(listTransactionsApi, version, 'by state, and a state that is unknown', request)
  }
  for (const version of versionsOf(writeTxnMarkersApi)) {
    const marker = { producerId: 4242, producerEpoch: 0, coordinatorEpoch: -1 }
    const markers = [{ ...marker, transactionResult: false, topics }]
    await capture(writeTxnMarkersApi, version, 'a producer without a transaction', { markers })
  }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: { brokers: { type: 'string' }, kafka: { type: 'string' } },
  })
  const [host, port] = (values.brokers ?? '').split(':')
  if (!host || !port || !values.kafka) throw new Error('use: --brokers HOST:PORT --kafka RELEASE')
  const socket = connect(Number(port), host)
  line = new Line(socket)
  await captureApiVersions()
  const topicId = await captureTopics()
  await captureRecords(topicId)
  await captureCoordinators()
  await captureProducerIds()
  await captureTransactions()
  await captureGroups(topicId)
  await captureAdministration()
  await captureOperations()
  await captureTransactionTools()
  line.close()
  const file = goldenFile(`responses/kafka-${values.kafka}.json`)
  writeFileSync(file, `${JSON.stringify(captures, null, 2)}\n`)
  console.log(`${captures.length} responses in ${file}`)
}

await main()
