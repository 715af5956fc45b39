// Asks every bootstrap address that let us in who belongs to the cluster. A listener that wants
// SASL lets everybody in and hangs up on this, the first real request: then it is asked what it
// wants, and the row is one of `sasl`, at its address.

import { type MetadataResponse, metadataApi } from '../protocol/api/03-metadata.ts'
import { brokerError, errorNumber } from '../protocol/errors.ts'
import { asKafkaError, KafkaError } from '../protocol/kafka-error.ts'
import type { Examined } from './address-steps.ts'
import type { Kit } from './kit.ts'
import { ask } from './probe.ts'
import { missingSaslRemedy } from './remedy-sasl.ts'
import { type DiagnosisStep, failed, passed } from './report.ts'
import { mechanismsAt } from './second-look.ts'
import type { Tried } from './way.ts'

/** What one address said of its cluster. */
interface Answer {
  readonly tried: Tried
  readonly ms: number
  readonly response: MetadataResponse | null
  readonly error: KafkaError | null
  /** The listener wants SASL, and the options have none. */
  readonly wantsSasl: readonly string[] | null
}

export interface ClusterFound {
  /** The address that told. */
  readonly source: Tried
  readonly response: MetadataResponse
}

export interface MetadataOutcome {
  /** Null where nobody told of a cluster that has brokers. */
  readonly found: ClusterFound | null
  readonly row: DiagnosisStep | null
  /** Of the addresses that want SASL where the options have none. */
  readonly saslRows: readonly DiagnosisStep[]
}

const noTopics = { topics: [], allowAutoTopicCreation: false }

const askOne = async (kit: Kit, tried: Tried): Promise<Answer> => {
  const sinceMs = kit.visit.clock.now()
  const answer = { tried, response: null, error: null, wantsSasl: null }
  const msSince = (): number => kit.visit.clock.now() - sinceMs
  const connection = tried.best?.connection
  try {
    if (!connection) throw new KafkaError('CONNECTION_LOST', `${tried.name} is gone`)
    const response = await ask(connection, metadataApi, noTopics)
    const { errorCode } = response
    if (errorCode === errorNumber.NONE) return { ...answer, ms: msSince(), response }
    throw brokerError(errorCode, { api: metadataApi.name, broker: tried.name })
  } catch (thrown) {
    const ms = msSince()
    const error = asKafkaError(thrown, 'asking for metadata failed')
    const mayWantSasl = kit.sasl === undefined && error.code === 'CONNECTION_LOST'
    const wantsSasl = mayWantSasl ? await mechanismsAt(kit, tried) : null
    return { ...answer, ms, error, wantsSasl }
  }
}

const saslRow = ({ tried, ms, wantsSasl }: Answer): DiagnosisStep => {
  const mechanisms = wantsSasl ?? []
  const detail = `${tried.name}: the listener wants SASL, and none is configured`
  return failed('sasl', ms, detail, missingSaslRemedy(mechanisms))
}

const clusterText = (response: MetadataResponse): string => {
  const { brokers, clusterId, controllerId } = response
  const count = brokers.length === 1 ? '1 broker' : `${brokers.length} brokers`
  const controller = controllerId < 0 ? 'no controller' : `controller ${controllerId}`
  return `cluster ${clusterId ?? '(unnamed)'} has ${count}, ${controller}`
}

/** What is wrong with what was told: detail and remedy; null = nothing. */
const problemOf = (
  found: ClusterFound,
  answers: readonly Answer[],
): readonly [detail: string, remedy: string] | null => {
  const { response } = found
  if (response.brokers.length === 0) {
    return [
      'the cluster names no brokers',
      'Check that the brokers have registered with their controllers: the log of the one that ' +
        'answered says why none is there.',
    ]
  }
  const stranger = answers.find(
    (one) => one.response !== null && one.response.clusterId !== response.clusterId,
  )
  if (stranger !== undefined) {
    return [
      `${found.source.name} belongs to cluster ${response.clusterId}, ${stranger.tried.name} ` +
        `to ${stranger.response?.clusterId}`,
      'Name brokers of one cluster only: these are of several.',
    ]
  }
  if (response.controllerId < 0) {
    return [
      clusterText(response),
      'Bring the controllers back (look at their quorum): without one nothing new is led or made.',
    ]
  }
  return null
}

const failedRow = ({ tried, ms, error }: Answer): DiagnosisStep => {
  const detail = `${tried.name}: ${error?.message}`
  const remedy =
    error?.code === 'CONNECTION_LOST'
      ? `Look into the log of ${tried.name}: it lets us in, and hangs up on the first request.`
      : (error?.remedy ?? '')
  return failed('metadata', ms, detail, remedy)
}

export const metadataStep = async (
  kit: Kit,
  examined: readonly Examined[],
): Promise<MetadataOutcome> => {
  const reached = examined.filter(({ failure }) => failure === null)
  const answers = await Promise.all(reached.map(({ tried }) => askOne(kit, tried)))
  const saslRows = answers.filter(({ wantsSasl }) => wantsSasl !== null).map(saslRow)
  const good = answers.find(({ response }) => response !== null)
  if (good?.response) {
    const found = { source: good.tried, response: good.response }
    const problem = problemOf(found, answers)
    const row =
      problem === null
        ? passed('metadata', good.ms, `${good.tried.name}: ${clusterText(good.response)}`)
        : failed('metadata', good.ms, `${good.tried.name}: ${problem[0]}`, problem[1])
    return { found: good.response.brokers.length === 0 ? null : found, row, saslRows }
  }
  const bad = answers.find(({ wantsSasl }) => wantsSasl === null)
  return { found: null, row: bad === undefined ? null : failedRow(bad), saslRows }
}
