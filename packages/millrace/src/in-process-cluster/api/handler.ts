// The interface of an api handler. node-connection.ts decodes a request, applies the faults, and
// calls `handle`, which must call `respond` once, at once or later. Handlers own no state: they
// read and change the cluster only through the NodeContext. Callers: every handler and
// node-connection.ts.

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

/** The parts of a node that handlers may use. */
export interface NodeContext {
  readonly id: number
  readonly state: ClusterState
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly transactionSettings: TransactionSettings
  readonly coordinators: Coordinators
  /** null = the cluster requests no metrics from its clients. */
  readonly telemetry: ClientTelemetry | null
  /** The versions that the node advertises, by api key. */
  readonly versions: ReadonlyMap<number, VersionRange>
}

/** One request that a handler processes. */
export interface ApiCall<Request, Response> {
  readonly node: NodeContext
  readonly request: Request
  readonly version: number
  readonly clientId: string | null
  /** The authentication of the request's connection. */
  readonly authentication: Authentication
  /**
   * Error faults for single topics or partitions; node-connection.ts applies those of whole
   * requests.
   */
  readonly effects: FaultEffects
  /**
   * Sends the response; `null` = there is none (acks 0). Call it once. It does nothing after the
   * connection was closed.
   */
  respond(response: Input<Response> | null): void
  /**
   * Responds after a delay and then closes the connection: for a failed authentication. Call it
   * once.
   */
  respondLast(response: Input<Response>): void
  /** Closes the connection without a response. */
  close(): void
  /** `callback` is called once if the connection is closed before the response. */
  onGone(callback: () => void): void
}

export interface Handler<Request, Response> {
  readonly api: Api<Request, Response>
  handle(call: ApiCall<Request, Response>): void
  /** The topics and partitions that the request names. */
  targets?(request: Request, state: ClusterState): FaultTarget[]
  /** The transactional ids that the request names. */
  transactionalIds?(request: Request): readonly string[]
  /**
   * The response that rejects the whole request. A handler without it must call `effects.errorAt`
   * itself for each topic or partition.
   */
  reject?(request: Request, code: number, version: number): Input<Response>
}

/** A handler of any request and response type. */
export type AnyHandler = Handler<unknown, unknown>

/**
 * Checks that both types of a handler match; method parameters are bivariant, so no cast is needed.
 */
export const defineHandler = <Request, Response>(
  handler: Handler<Request, Response>,
): Handler<Request, Response> => handler
