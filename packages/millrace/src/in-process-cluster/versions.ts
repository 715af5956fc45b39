// The API versions that the cluster's nodes advertise: those of a Kafka release, or of the caller's
// table, limited to the versions that this cluster serves. So it can behave like an older release,
// but not like a newer one. The tables must equal the releases'. Caller: cluster-options.ts.

import { KafkaError } from '../protocol/kafka-error.ts'

export interface VersionRange {
  readonly min: number
  readonly max: number
}

/** The lowest and highest version of each API; an API that is not in the table is not served. */
export type VersionTable = Readonly<Record<string, readonly [min: number, max: number]>>

const kafka10: VersionTable = {
  Produce: [0, 5],
  Fetch: [0, 6],
  ListOffsets: [0, 2],
  Metadata: [0, 5],
  OffsetCommit: [0, 3],
  OffsetFetch: [0, 3],
  FindCoordinator: [0, 1],
  JoinGroup: [0, 2],
  Heartbeat: [0, 1],
  LeaveGroup: [0, 1],
  SyncGroup: [0, 1],
  ListGroups: [0, 1],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 1],
  CreateTopics: [0, 2],
  DeleteTopics: [0, 1],
  DeleteRecords: [0, 0],
  CreatePartitions: [0, 0],
  InitProducerId: [0, 0],
  DescribeConfigs: [0, 0],
  SaslAuthenticate: [0, 0],
  AddPartitionsToTxn: [0, 0],
  AddOffsetsToTxn: [0, 0],
  EndTxn: [0, 0],
  TxnOffsetCommit: [0, 0],
}

const kafka11: VersionTable = { ...kafka10, Fetch: [0, 7], DescribeConfigs: [0, 1] }

const kafka21: VersionTable = {
  Produce: [0, 7],
  Fetch: [0, 10],
  ListOffsets: [0, 4],
  Metadata: [0, 7],
  OffsetCommit: [0, 6],
  OffsetFetch: [0, 5],
  FindCoordinator: [0, 2],
  JoinGroup: [0, 3],
  Heartbeat: [0, 2],
  LeaveGroup: [0, 2],
  SyncGroup: [0, 2],
  ListGroups: [0, 2],
  SaslHandshake: [0, 1],
  ApiVersions: [0, 2],
  CreateTopics: [0, 3],
  DeleteTopics: [0, 3],
  DeleteRecords: [0, 1],
  CreatePartitions: [0, 1],
  InitProducerId: [0, 1],
  DescribeConfigs: [0, 2],
  SaslAuthenticate: [0, 0],
  AddPartitionsToTxn: [0, 1],
  AddOffsetsToTxn: [0, 1],
  EndTxn: [0, 1],
  TxnOffsetCommit: [0, 2],
}

const kafka24: VersionTable = {
  ...kafka21,
  Produce: [0, 8],
  Fetch: [0, 11],
  ListOffsets: [0, 5],
  Metadata: [0, 9],
  OffsetCommit: [0, 8],
  OffsetFetch: [0, 6],
  FindCoordinator: [0, 3],
  JoinGroup: [0, 6],
  Heartbeat: [0, 4],
  LeaveGroup: [0, 4],
  SyncGroup: [0, 4],
  ListGroups: [0, 3],
  IncrementalAlterConfigs: [0, 1],
  ApiVersions: [0, 3],
  CreateTopics: [0, 5],
  DeleteTopics: [0, 4],
  InitProducerId: [0, 2],
  SaslAuthenticate: [0, 1],
}

const kafka28: VersionTable = {
  ...kafka24,
  Produce: [0, 9],
  Fetch: [0, 12],
  ListOffsets: [0, 6],
  Metadata: [0, 11],
  OffsetFetch: [0, 7],
  JoinGroup: [0, 7],
  SyncGroup: [0, 5],
  ListGroups: [0, 4],
  CreateTopics: [0, 7],
  DeleteTopics: [0, 6],
  DeleteRecords: [0, 2],
  WriteTxnMarkers: [0, 1],
  CreatePartitions: [0, 3],
  DescribeProducers: [0, 0],
  InitProducerId: [0, 4],
  DescribeConfigs: [0, 4],
  SaslAuthenticate: [0, 2],
  DescribeCluster: [0, 0],
  AddPartitionsToTxn: [0, 3],
  AddOffsetsToTxn: [0, 3],
  EndTxn: [0, 3],
  TxnOffsetCommit: [0, 3],
}

const kafka39: VersionTable = {
  ...kafka28,
  GetTelemetrySubscriptions: [0, 0],
  PushTelemetry: [0, 0],
  Produce: [0, 11],
  Fetch: [0, 17],
  ListOffsets: [0, 9],
  Metadata: [0, 12],
  OffsetCommit: [0, 9],
  OffsetFetch: [0, 9],
  FindCoordinator: [0, 6],
  JoinGroup: [0, 9],
  LeaveGroup: [0, 5],
  ListGroups: [0, 5],
  DescribeTransactions: [0, 0],
  ListTransactions: [0, 1],
  ApiVersions: [0, 4],
  InitProducerId: [0, 5],
  DescribeCluster: [0, 1],
  AddPartitionsToTxn: [0, 5],
  AddOffsetsToTxn: [0, 4],
  EndTxn: [0, 4],
  TxnOffsetCommit: [0, 4],
}

/**
 * Kafka 4.0 removed the oldest versions; Produce still advertises 0, because librdkafka checks for
 * it.
 */
const kafka40: VersionTable = {
  ...kafka39,
  Produce: [0, 12],
  Fetch: [4, 17],
  ListOffsets: [1, 10],
  Metadata: [0, 13],
  OffsetCommit: [2, 9],
  OffsetFetch: [1, 9],
  CreateTopics: [2, 7],
  DeleteTopics: [1, 6],
  DescribeConfigs: [1, 4],
  DescribeCluster: [0, 2],
  EndTxn: [0, 5],
  TxnOffsetCommit: [0, 5],
  WriteTxnMarkers: [1, 1],
}

const kafka41: VersionTable = { ...kafka40, Produce: [0, 13], Fetch: [4, 18] }

const kafka44: VersionTable = {
  ...kafka41,
  ListTransactions: [0, 2],
  WriteTxnMarkers: [1, 2],
  ApiVersions: [0, 5],
  ListOffsets: [1, 11],
  OffsetCommit: [2, 10],
  OffsetFetch: [1, 10],
  TxnOffsetCommit: [0, 6],
}

const releases = {
  '1.0': kafka10,
  '1.1': kafka11,
  '2.1': kafka21,
  '2.4': kafka24,
  '2.8': kafka28,
  '3.9': kafka39,
  '4.0': kafka40,
  '4.1': kafka41,
  '4.4': kafka44,
} as const satisfies Record<string, VersionTable>

/** A Kafka release whose versions a cluster can serve. */
export type KafkaRelease = keyof typeof releases

export interface ServedApi {
  readonly name: string
  readonly key: number
  readonly versions: VersionRange
}

/** The table of a release, or the caller's own. Throws INVALID_OPTION for an unknown release. */
export const tableOf = (wanted: KafkaRelease | VersionTable): VersionTable => {
  const table: VersionTable | undefined = typeof wanted === 'string' ? releases[wanted] : wanted
  if (table !== undefined) return table
  const known = Object.keys(releases).join(', ')
  throw new KafkaError(
    'INVALID_OPTION',
    `versions must be one of ${known}, or a table, got ${String(wanted)}`,
  )
}

/** The advertised versions by api key: the table, limited to what is served. */
export const versionsOf = (
  table: VersionTable,
  served: readonly ServedApi[],
): ReadonlyMap<number, VersionRange> => {
  const advertised = new Map<number, VersionRange>()
  for (const api of served) {
    const range = table[api.name]
    if (range === undefined) continue
    // Produce versions below 3 are advertised but rejected, as in Kafka 4 (KAFKA-18659).
    const min = api.name === 'Produce' ? range[0] : Math.max(range[0], api.versions.min)
    const max = Math.min(range[1], api.versions.max)
    if (min <= max) advertised.set(api.key, { min, max })
  }
  return advertised
}
