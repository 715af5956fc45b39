// Walks the way that a record takes, step by step, and says which one fails and what to do about
// it. Everything is done by the parts that a producer is made of: what works here works there.
//
//   each bootstrap address: dns → tcp → tls → api-versions → sasl ─► metadata
//                                   each advertised address: listener ─► produce (when asked)

import { formatAddress } from '../cluster/address.ts'
import type { ProducerOptions } from '../producer/option-table.ts'
import { resolveOptions } from '../producer/options.ts'
import type { Environment } from '../producer/security.ts'
import { checkWaitOptions, type WaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type CertificateLook, lookAtCertificate } from '../runtime/certificate-look.ts'
import { systemClock } from '../runtime/clock.ts'
import { systemRandom } from '../runtime/random.ts'
import { tcpTransport } from '../runtime/tcp-transport.ts'
import { addressRows, examine } from './address-steps.ts'
import type { Kit } from './kit.ts'
import { listenerSteps } from './listener-steps.ts'
import { metadataStep } from './metadata-step.ts'
import { produceStep } from './produce-step.ts'
import { type Diagnosis, type DiagnosisStep, diagnosisOf } from './report.ts'
import { Visit } from './visit.ts'

export interface DiagnoseOptions extends WaitOptions {
  /** Sends one record to this topic, as the last step. */
  readonly produceTo?: string | undefined
}

/** What a diagnosis runs on; tests bring their own. */
export interface DiagnoseEnvironment extends Environment {
  readonly look: CertificateLook | null
}

const systemEnvironment: DiagnoseEnvironment = {
  clock: systemClock,
  random: systemRandom,
  transport: tcpTransport,
  look: lookAtCertificate,
}

const timeoutMsDefault = 60_000

/** The topic to send to; throws where the options of the call are wrong. */
const checkOptions = (options: DiagnoseOptions): string | undefined => {
  const { produceTo, ...wait } = options ?? {}
  checkWaitOptions(wait)
  if (produceTo !== undefined && (typeof produceTo !== 'string' || produceTo === '')) {
    throw new KafkaError('INVALID_ARGUMENT', 'produceTo is no name of a topic')
  }
  return produceTo
}

const kitFor = (
  options: ProducerOptions,
  environment: DiagnoseEnvironment,
  visit: Visit,
  timeoutMs: number,
): Kit => {
  const { cluster, security, logger } = resolveOptions(options)
  const secured = security.environment(environment)
  const plain = resolveOptions({ ...options, tls: undefined }).security.environment(environment)
  const sasl = security.sasl(secured, logger)
  const tls = options.tls === true ? {} : options.tls || null
  return {
    visit,
    cluster,
    sasl,
    way: {
      transport: secured.transport,
      sasl,
      clientId: cluster.clientId,
      stepTimeoutMs: Math.min(cluster.connectTimeoutMs, cluster.requestTimeoutMs, timeoutMs),
      maxResponseBytes: cluster.maxResponseBytes,
    },
    plainTransport: plain.transport,
    usesTls: tls !== null,
    look: environment.look,
    socketFactory: options.socketFactory ?? null,
    serverName: tls?.serverName ?? null,
    wishes: {
      usesTls: tls !== null,
      namesCa: tls?.ca !== undefined,
      showsCertificate: (tls?.cert ?? tls?.pfx) !== undefined,
      usesSocketFactory: options.socketFactory !== undefined,
      mechanism: sasl?.mechanism.name ?? null,
    },
  }
}

const walk = async (
  kit: Kit,
  options: ProducerOptions,
  environment: Environment,
  produceTo: string | undefined,
): Promise<Diagnosis> => {
  const examined = await Promise.all(
    kit.cluster.brokers.map((address) => examine(kit, address, formatAddress(address), null)),
  )
  const { found, row, saslRows } = await metadataStep(kit, examined)
  const steps = examined.flatMap((one): DiagnosisStep[] => {
    const saslRow = saslRows.get(one.tried)
    return [...addressRows(kit, one), ...(saslRow === undefined ? [] : [saslRow])]
  })
  if (row !== null) steps.push(row)
  if (found !== null) steps.push(...(await listenerSteps(kit, found)))
  if (found !== null && produceTo !== undefined) {
    steps.push(await produceStep(kit, found, options, environment, produceTo))
  }
  return diagnosisOf(steps)
}

/**
 * Says why a cluster can't be reached, or that it can: connects to every bootstrap address and
 * every address that the brokers advertise, and sends one record where `produceTo` names a topic.
 * Takes the options of a producer. Rejects where these are wrong, and when the signal aborts;
 * whatever else goes wrong is in the report.
 *
 * @example
 * const { ok, failedStep, steps } = await diagnose({ brokers: 'localhost:9092' })
 * if (!ok) console.log(failedStep, steps.find((step) => !step.ok)?.remedy)
 */
export const diagnose = async (
  options: ProducerOptions,
  call: DiagnoseOptions = {},
  environment: DiagnoseEnvironment = systemEnvironment,
): Promise<Diagnosis> => {
  const produceTo = checkOptions(call)
  const { signal, timeoutMs = timeoutMsDefault } = call
  const visit = new Visit(environment.clock, { timeoutMs, signal })
  try {
    const kit = kitFor(options, environment, visit, timeoutMs)
    const diagnosis = await walk(kit, options, environment, produceTo)
    visit.throwIfAborted()
    return diagnosis
  } finally {
    visit.end()
  }
}
