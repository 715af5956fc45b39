// What an api handler is. node-connection.ts decodes a request, asks the faults, and calls
// `handle`, which calls `respond` once, at once or later. Handlers own nothing: what they know
// is in the node's view.

import type { Api, Input } from '../../protocol/schema/api.ts'
import type { Authentication } from '../broker-authentication.ts'
import type { ClientTelemetry } from '../client-telemetry.ts'
import type { ClusterState } from '../cluster-state.ts'
import type { Coordinators } from '../coordinators.ts'
import type { FaultEffects, FaultTarget } from '../faults.ts'
import type { GroupCoordinator } from '../groups.ts'
import type { TransactionCoordinator } from '../transaction-coordinator.ts'
import type { TransactionSettings } from '../transaction-options.ts'
import type { VersionRange } from '../versions.ts'

/** A node, as its handlers see it. */
export interface NodeContext {
  readonly id: number
  readonly state: ClusterState
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly transactionSettings: TransactionSettings
  readonly coordinators: Coordinators
  /** null = the cluster wants no metrics of its clients. */
  readonly telemetry: ClientTelemetry | null
  /** What the node advertises, by api key. */
  readonly versions: ReadonlyMap<number, VersionRange>
}

/** One request on its way through the node. */
export interface ApiCall<Request, Response> {
  readonly node: NodeContext
  readonly request: Request
  readonly version: number
  readonly clientId: string | null
  /** Of the connection that the request came on. */
  readonly authentication: Authentication
  /**
   * Error faults for single topics or partitions; what concerns the whole request is done outside.
   */
  readonly effects: FaultEffects
  /**
   * Sends the response; `null` = there is none (acks 0). Once; harmless after the connection is
   * gone.
   */
  respond(response: Input<Response> | null): void
  /** Responds late, then closes the connection: a failed authentication. Once, like `respond`. */
  respondLast(response: Input<Response>): void
  /** Closes the connection instead of a response. */
  close(): void
  /** Called once if the connection is closed before the response: stop waiting. */
  onGone(callback: () => void): void
}

export interface Handler<Request, Response> {
  readonly api: Api<Request, Response>
  handle(call: ApiCall<Request, Response>): void
  /** Topics and partitions that the request names. */
  targets?(request: Request, state: ClusterState): FaultTarget[]
  /** Transactional ids that the request names. */
  transactionalIds?(request: Request): readonly string[]
  /**
   * The response that fails the request as a whole. A handler without it asks `effects.errorAt`
   * itself, topic by topic or partition by partition.
   */
  reject?(request: Request, code: number, version: number): Input<Response>
}

/** Any handler, where the messages don't matter. */
export type AnyHandler = Handler<unknown, unknown>

/**
 * Method parameters compare both ways, so this needs no cast; it only checks that the two types
 * fit.
 */
export const defineHandler = <Request, Response>(
  handler: Handler<Request, Response>,
): Handler<Request, Response> => handler
