// Requests the cluster's brokers from every bootstrap address that accepted the connection. A
// listener that requires SASL accepts a connection without it and closes it at this first request;
// then this file requests its mechanisms and reports a row `sasl` for its address. Callers:
// diagnosis.ts, listener-steps.ts, and produce-step.ts (for the types).

import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import type { ProbedAddress } from './address-probe.ts'
import type { Examined } from './address-steps.ts'
import type { DiagnosisContext } from './diagnosis-context.ts'
import { mechanismsAt } from './failure-facts.ts'
import { sendRequest } from './probe.ts'
import { missingSaslRemedy } from './remedy-sasl.ts'
import { type DiagnosisStep, failed, passed } from './report.ts'

/** The response of one address. */
interface MetadataAttempt {
  readonly probed: ProbedAddress
  readonly ms: number
  readonly response: MetadataResponse | null
  readonly error: KafkaError | null
  /**
   * The mechanisms of a listener that requires SASL while the options have none; otherwise null.
   */
  readonly requiredMechanisms: readonly string[] | null
}

export interface ClusterFound {
  /** The address that returned the cluster. */
  readonly source: ProbedAddress
  readonly response: MetadataResponse
}

export interface MetadataOutcome {
  /** null if no address returned a cluster with brokers. */
  readonly found: ClusterFound | null
  readonly row: DiagnosisStep | null
  /** The rows for addresses that require SASL while the options have none. */
  readonly saslRows: readonly DiagnosisStep[]
}

const noTopics = { topics: [], allowAutoTopicCreation: false }

const requestMetadata = async (
  context: DiagnosisContext,
  probed: ProbedAddress,
): Promise<MetadataAttempt> => {
  const sinceMs = context.run.clock.now()
  const attempt = { probed, response: null, error: null, requiredMechanisms: null }
  const msSince = (): number => context.run.clock.now() - sinceMs
  const connection = probed.best?.connection
  try {
    if (!connection)
      throw new KafkaError('CONNECTION_LOST', `The connection to ${probed.name} was lost`)
    const response = await sendRequest(connection, metadataApi, noTopics)
    const { errorCode } = response
    if (errorCode === errorNumber.NONE) return { ...attempt, ms: msSince(), response }
    throw brokerError(errorCode, { api: metadataApi.name, broker: probed.name })
  } catch (thrown) {
    const ms = msSince()
    const error = asKafkaError(thrown, 'the Metadata request failed')
    const mayRequireSasl = context.sasl === undefined && error.code === 'CONNECTION_LOST'
    const requiredMechanisms = mayRequireSasl ? await mechanismsAt(context, probed) : null
    return { ...attempt, ms, error, requiredMechanisms }
  }
}

const saslRow = ({ probed, ms, requiredMechanisms }: MetadataAttempt): DiagnosisStep => {
  const mechanisms = requiredMechanisms ?? []
  const detail = `${probed.name}: the listener requires SASL, and none is configured`
  return failed('sasl', ms, detail, missingSaslRemedy(mechanisms))
}

const clusterText = (response: MetadataResponse): string => {
  const { brokers, clusterId, controllerId } = response
  const count = brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`
  const controller = controllerId < 0 ? 'no controller' : `controller ${controllerId}`
  return `cluster ${clusterId ?? '(unnamed)'} has ${count}, ${controller}`
}

/** The problem of the response, with its remedy; null = none. */
const problemOf = (
  found: ClusterFound,
  attempts: readonly MetadataAttempt[],
): readonly [detail: string, remedy: string] | null => {
  const { response } = found
  if (response.brokers.length === 0) {
    return [
      'the cluster names no brokers',
      'Check that the brokers have registered with their controllers: the log of the one that ' +
        'responded says why there is none.',
    ]
  }
  const otherCluster = attempts.find(
    (one) => one.response !== null && one.response.clusterId !== response.clusterId,
  )
  if (otherCluster !== undefined) {
    return [
      `${found.source.name} belongs to cluster ${response.clusterId}, ` +
        `${otherCluster.probed.name} to ${otherCluster.response?.clusterId}`,
      'Name brokers of one cluster only: these are of several.',
    ]
  }
  if (response.controllerId < 0) {
    return [
      clusterText(response),
      'Bring the controllers back (check their quorum): without one no leader is elected.',
    ]
  }
  return null
}

const failedRow = ({ probed, ms, error }: MetadataAttempt): DiagnosisStep => {
  const detail = `${probed.name}: ${error?.message}`
  const remedy =
    error?.code === 'CONNECTION_LOST'
      ? `Check the log of ${probed.name}: it accepts connections, then closes them at a request.`
      : (error?.remedy ?? '')
  return failed('metadata', ms, detail, remedy)
}

export const metadataStep = async (
  context: DiagnosisContext,
  examined: readonly Examined[],
): Promise<MetadataOutcome> => {
  const reached = examined.filter(({ failure }) => failure === null)
  const attempts = await Promise.all(reached.map(({ probed }) => requestMetadata(context, probed)))
  const saslRows = attempts
    .filter(({ requiredMechanisms }) => requiredMechanisms !== null)
    .map(saslRow)
  const good = attempts.find(({ response }) => response !== null)
  if (good?.response) {
    const found = { source: good.probed, response: good.response }
    const problem = problemOf(found, attempts)
    const row =
      problem === null
        ? passed('metadata', good.ms, `${good.probed.name}: ${clusterText(good.response)}`)
        : failed('metadata', good.ms, `${good.probed.name}: ${problem[0]}`, problem[1])
    return { found: good.response.brokers.length === 0 ? null : found, row, saslRows }
  }
  const bad = attempts.find(({ requiredMechanisms }) => requiredMechanisms === null)
  return { found: null, row: bad === undefined ? null : failedRow(bad), saslRows }
}
