// Every API that the protocol layer knows, by key: for who takes requests (the in-process cluster)
// and for the tests that hold for all. The client imports the few it uses by name instead.

import type { AnyApi } from '../schema/api.ts'
import { produceApi } from './00-produce.ts'
import { fetchApi } from './01-fetch.ts'
import { listOffsetsApi } from './02-list-offsets.ts'
import { metadataApi } from './03-metadata.ts'
import { offsetCommitApi } from './08-offset-commit.ts'
import { offsetFetchApi } from './09-offset-fetch.ts'
import { findCoordinatorApi } from './10-find-coordinator.ts'
import { joinGroupApi } from './11-join-group.ts'
import { heartbeatApi } from './12-heartbeat.ts'
import { leaveGroupApi } from './13-leave-group.ts'
import { syncGroupApi } from './14-sync-group.ts'
import { saslHandshakeApi } from './17-sasl-handshake.ts'
import { apiVersionsApi } from './18-api-versions.ts'
import { createTopicsApi } from './19-create-topics.ts'
import { deleteTopicsApi } from './20-delete-topics.ts'
import { initProducerIdApi } from './22-init-producer-id.ts'
import { addPartitionsToTxnApi } from './24-add-partitions-to-txn.ts'
import { addOffsetsToTxnApi } from './25-add-offsets-to-txn.ts'
import { endTxnApi } from './26-end-txn.ts'
import { txnOffsetCommitApi } from './28-txn-offset-commit.ts'
import { describeConfigsApi } from './32-describe-configs.ts'
import { saslAuthenticateApi } from './36-sasl-authenticate.ts'
import { describeClusterApi } from './60-describe-cluster.ts'
import { getTelemetrySubscriptionsApi } from './71-get-telemetry-subscriptions.ts'
import { pushTelemetryApi } from './72-push-telemetry.ts'

/** In the order of their keys. */
export const apis: readonly AnyApi[] = [
  produceApi,
  fetchApi,
  listOffsetsApi,
  metadataApi,
  offsetCommitApi,
  offsetFetchApi,
  findCoordinatorApi,
  joinGroupApi,
  heartbeatApi,
  leaveGroupApi,
  syncGroupApi,
  saslHandshakeApi,
  apiVersionsApi,
  createTopicsApi,
  deleteTopicsApi,
  initProducerIdApi,
  addPartitionsToTxnApi,
  addOffsetsToTxnApi,
  endTxnApi,
  txnOffsetCommitApi,
  describeConfigsApi,
  saslAuthenticateApi,
  describeClusterApi,
  getTelemetrySubscriptionsApi,
  pushTelemetryApi,
]

export const apiByKey: ReadonlyMap<number, AnyApi> = new Map(apis.map((api) => [api.key, api]))

/** Whether the header of such a request has tagged fields; false for an API that is not known. */
export const isFlexibleRequest = (apiKey: number, apiVersion: number): boolean =>
  apiByKey.get(apiKey)?.isFlexible(apiVersion) ?? false
