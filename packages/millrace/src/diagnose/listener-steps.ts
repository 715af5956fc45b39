// One row for each broker: connects to its advertised address as a producer does, and checks that
// it belongs to the same cluster. The typical error is an address that is valid only on the
// broker's machine: localhost, a container's name, or a mapped port. Caller: diagnosis.ts.

import { formatAddress, sameAddress } from '../cluster-client/address.ts'
import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import type { Address } from '../runtime/transport.ts'
import { type Examined, examine } from './address-steps.ts'
import type { DiagnosisContext } from './diagnosis-context.ts'
import type { ClusterFound } from './metadata-step.ts'
import { OrderedSteps, type ReportStep } from './ordered-steps.ts'
import { sendRequest } from './probe.ts'
import { type DiagnosisStep, failed, passed } from './report.ts'

type Broker = MetadataResponse['brokers'][number]

/** The number of listeners that are checked concurrently. */
const concurrency = 16

const loopback = /^(localhost|.*\.localhost|127(\.\d{1,3}){3}|\[?::1\]?|0\.0\.0\.0)$/i

const isLoopback = (host: string): boolean => loopback.test(host)

/**
 * The cluster was found on another machine, but the node advertises a loopback address. With a
 * socket factory it is unknown which machine a name refers to, so the check is skipped.
 */
const isForeignLoopback = (
  context: DiagnosisContext,
  { host }: Address,
  { source }: ClusterFound,
): boolean =>
  !context.choices.usesSocketFactory &&
  isLoopback(host) &&
  source.best !== null &&
  !isLoopback(source.best.host)

const loopbackRemedy = (nodeId: number, address: Address): string =>
  `Set advertised.listeners of node ${nodeId} to an address that its clients can reach: ` +
  `${formatAddress(address)} is the client's own machine to each of them.`

/** The id of the cluster at the address; undefined if no cluster responds. */
const clusterIdAt = async ({ probed }: Examined): Promise<string | null | undefined> => {
  const connection = probed.best?.connection
  if (!connection) return undefined
  try {
    const request = { topics: [], allowAutoTopicCreation: false }
    return (await sendRequest(connection, metadataApi, request)).clusterId
  } catch {
    return undefined
  }
}

/** The remedy includes the address at which the client found the cluster. */
const refusedRemedy = (nodeId: number, address: Address, found: ClusterFound): string =>
  `Set advertised.listeners of node ${nodeId} to the host and port that clients connect to (this ` +
  `client connected to ${formatAddress(found.source.address)}), or start the broker: nothing ` +
  `listens at ${formatAddress(address)}.`

const listenerRow = async (
  context: DiagnosisContext,
  broker: Broker,
  found: ClusterFound,
): Promise<DiagnosisStep> => {
  const { nodeId, host, port } = broker
  const address = { host, port }
  const where = formatAddress(address)
  const { clock } = context.run
  const sinceMs = clock.now()
  const examined = await examine(context, address, `${where} (node ${nodeId})`, nodeId)
  const { failure } = examined
  const advertises = `node ${nodeId} advertises ${where}`
  const isForeign = isForeignLoopback(context, address, found)
  if (failure !== null) {
    const { step, reason, causeCode } = failure
    let { remedy } = failure
    if (isForeign) remedy = loopbackRemedy(nodeId, address)
    else if (causeCode === 'ECONNREFUSED' && !sameAddress(address, found.source.address)) {
      remedy = refusedRemedy(nodeId, address, found)
    }
    const detail = `${advertises}, which failed at ${step}: ${reason}`
    return failed('listener', clock.now() - sinceMs, detail, remedy)
  }
  const clusterId = await clusterIdAt(examined)
  const ms = clock.now() - sinceMs
  if (clusterId === undefined) {
    const remedy = `Check the log of node ${nodeId}: it accepts connections but does not respond.`
    return failed('listener', ms, `${advertises}, which does not respond`, remedy)
  }
  if (clusterId !== found.response.clusterId) {
    const detail = `${advertises}, where another cluster responds (${clusterId})`
    const remedy =
      `Set advertised.listeners of node ${nodeId} to its own address: ${where} leads clients ` +
      'to another cluster from here.'
    return failed('listener', ms, detail, isForeign ? loopbackRemedy(nodeId, address) : remedy)
  }
  const note = isForeign ? ', which works on this machine only' : ', and responds there'
  return passed('listener', ms, `${advertises}${note}`)
}

/** Reports the rows in the order of the node ids. */
export const listenerSteps = async (
  context: DiagnosisContext,
  found: ClusterFound,
  report: ReportStep,
): Promise<void> => {
  const brokers = [...found.response.brokers].sort((one, other) => one.nodeId - other.nodeId)
  for (let index = 0; index < brokers.length; index += concurrency) {
    const some = brokers.slice(index, index + concurrency)
    const ordered = new OrderedSteps(some.length, report)
    const tryOne = async (broker: Broker, group: number): Promise<void> => {
      ordered.push(group, await listenerRow(context, broker, found))
      ordered.end(group)
    }
    await Promise.all(some.map(tryOne))
  }
}
