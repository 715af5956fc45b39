// The table of the APIs that the cluster serves, with the handler of each. A file's name begins
// with its api key. A new handler must be added here. Callers: in-process-cluster.ts and
// node-connection.ts.

import { produceHandler } from './00-produce.ts'
import { fetchHandler } from './01-fetch.ts'
import { listOffsetsHandler } from './02-list-offsets.ts'
import { metadataHandler } from './03-metadata.ts'
import { offsetCommitHandler } from './08-offset-commit.ts'
import { offsetFetchHandler } from './09-offset-fetch.ts'
import { findCoordinatorHandler } from './10-find-coordinator.ts'
import { joinGroupHandler } from './11-join-group.ts'
import { heartbeatHandler } from './12-heartbeat.ts'
import { leaveGroupHandler } from './13-leave-group.ts'
import { syncGroupHandler } from './14-sync-group.ts'
import { listGroupsHandler } from './16-list-groups.ts'
import { saslHandshakeHandler } from './17-sasl-handshake.ts'
import { apiVersionsHandler } from './18-api-versions.ts'
import { createTopicsHandler } from './19-create-topics.ts'
import { deleteTopicsHandler } from './20-delete-topics.ts'
import { deleteRecordsHandler } from './21-delete-records.ts'
import { initProducerIdHandler } from './22-init-producer-id.ts'
import { addPartitionsToTxnHandler } from './24-add-partitions-to-txn.ts'
import { addOffsetsToTxnHandler } from './25-add-offsets-to-txn.ts'
import { endTxnHandler } from './26-end-txn.ts'
import { writeTxnMarkersHandler } from './27-write-txn-markers.ts'
import { txnOffsetCommitHandler } from './28-txn-offset-commit.ts'
import { describeConfigsHandler } from './32-describe-configs.ts'
import { saslAuthenticateHandler } from './36-sasl-authenticate.ts'
import { createPartitionsHandler } from './37-create-partitions.ts'
import { incrementalAlterConfigsHandler } from './44-incremental-alter-configs.ts'
import { describeClusterHandler } from './60-describe-cluster.ts'
import { describeProducersHandler } from './61-describe-producers.ts'
import { describeTransactionsHandler } from './65-describe-transactions.ts'
import { listTransactionsHandler } from './66-list-transactions.ts'
import { getTelemetrySubscriptionsHandler } from './71-get-telemetry-subscriptions.ts'
import { pushTelemetryHandler } from './72-push-telemetry.ts'
import type { AnyHandler, Handler } from './handler.ts'

/**
 * Each handler is called only with requests that its own api decoded, so the types may be erased
 * here.
 */
const any = <Request, Response>(handler: Handler<Request, Response>): AnyHandler =>
  handler as AnyHandler

const handlers = new Map<number, AnyHandler>(
  [
    any(produceHandler),
    any(fetchHandler),
    any(listOffsetsHandler),
    any(metadataHandler),
    any(offsetCommitHandler),
    any(offsetFetchHandler),
    any(findCoordinatorHandler),
    any(joinGroupHandler),
    any(heartbeatHandler),
    any(leaveGroupHandler),
    any(syncGroupHandler),
    any(listGroupsHandler),
    any(saslHandshakeHandler),
    any(apiVersionsHandler),
    any(createTopicsHandler),
    any(deleteTopicsHandler),
    any(deleteRecordsHandler),
    any(initProducerIdHandler),
    any(addPartitionsToTxnHandler),
    any(addOffsetsToTxnHandler),
    any(endTxnHandler),
    any(writeTxnMarkersHandler),
    any(txnOffsetCommitHandler),
    any(describeConfigsHandler),
    any(saslAuthenticateHandler),
    any(createPartitionsHandler),
    any(incrementalAlterConfigsHandler),
    any(describeClusterHandler),
    any(describeProducersHandler),
    any(describeTransactionsHandler),
    any(listTransactionsHandler),
    any(getTelemetrySubscriptionsHandler),
    any(pushTelemetryHandler),
  ].map((handler) => [handler.api.key, handler]),
)

export const handlerOf = (apiKey: number): AnyHandler | undefined => handlers.get(apiKey)

/** The served APIs by name and key. */
export const servedApis = [...handlers.values()].map(({ api }) => ({
  name: api.name,
  key: api.key,
  versions: api.versions,
}))

/** The APIs of a cluster without telemetry, such as a Kafka cluster without a receiver plugin. */
export const plainApis = servedApis.filter(({ name }) => !/Telemetry/.test(name))

/** Whether a request header has tagged fields, also for versions that are unknown here. */
export const isFlexible = (apiKey: number, apiVersion: number): boolean =>
  handlers.get(apiKey)?.api.isFlexible(apiVersion) ?? false
