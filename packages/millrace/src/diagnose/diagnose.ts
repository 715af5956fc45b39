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
import type { Address } from '../runtime/transport.ts'
import { addressRows, dnsRow, type Examined, examine } from './address-steps.ts'
import type { Kit } from './kit.ts'
import { listenerSteps } from './listener-steps.ts'
import { metadataStep } from './metadata-step.ts'
import { OrderedSteps, type TellStep } from './ordered-steps.ts'
import { produceStep } from './produce-step.ts'
import { type Diagnosis, type DiagnosisStep, diagnosisOf } from './report.ts'
import { Visit } from './visit.ts'
import type { Resolved } from './way.ts'

/** Options of `diagnose`, besides those of the producer. `timeoutMs` is 60,000 by default. */
export interface DiagnoseOptions extends WaitOptions {
  /** Sends one record to this topic, as the last step. */
  readonly produceTo?: string | undefined
  /** Called with each row of the report, in its order, as soon as it is there. */
  readonly onStep?: ((step: DiagnosisStep) => void) | undefined
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

/** Throws where the options of the call are wrong. */
const checkOptions = (options: DiagnoseOptions): void => {
  const { produceTo, onStep, ...wait } = options ?? {}
  checkWaitOptions(wait)
  if (onStep !== undefined && typeof onStep !== 'function') {
    throw new KafkaError('INVALID_ARGUMENT', `onStep is a ${typeof onStep}: expected a function`)
  }
  if (produceTo !== undefined && (typeof produceTo !== 'string' || produceTo === '')) {
    throw new KafkaError('INVALID_ARGUMENT', 'produceTo is no name of a topic')
  }
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

/** All bootstrap addresses at the same time. */
const examineAll = (kit: Kit, tell: TellStep): Promise<Examined[]> => {
  const { brokers } = kit.cluster
  const ordered = new OrderedSteps(brokers.length, tell)
  const examineOne = async (address: Address, lane: number): Promise<Examined> => {
    let told = 0
    const onResolved = (tried: Resolved): void => {
      ordered.push(lane, dnsRow(kit, tried))
      told = 1
    }
    const examined = await examine(kit, address, formatAddress(address), null, onResolved)
    for (const row of addressRows(kit, examined).slice(told)) ordered.push(lane, row)
    ordered.end(lane)
    return examined
  }
  return Promise.all(brokers.map(examineOne))
}

const walk = async (
  kit: Kit,
  options: ProducerOptions,
  environment: Environment,
  { produceTo, onStep }: DiagnoseOptions,
): Promise<Diagnosis> => {
  const steps: DiagnosisStep[] = []
  const tell: TellStep = (step) => {
    // What an abort cut short did not fail by itself.
    if (kit.visit.over?.code === 'ABORTED') return
    steps.push(step)
    onStep?.(step)
  }
  const { found, row, saslRows } = await metadataStep(kit, await examineAll(kit, tell))
  for (const saslRow of saslRows) tell(saslRow)
  if (row !== null) tell(row)
  if (found !== null) await listenerSteps(kit, found, tell)
  if (found !== null && produceTo !== undefined) {
    tell(await produceStep(kit, found, options, environment, produceTo))
  }
  return diagnosisOf(steps)
}

/**
 * Says why a cluster can't be reached, or that it can: connects to every bootstrap address and
 * every address that the brokers advertise, and sends one record where `produceTo` names a topic.
 * `onStep` hears of each step as it ends.
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
  checkOptions(call)
  const { signal, timeoutMs = timeoutMsDefault } = call
  const visit = new Visit(environment.clock, { timeoutMs, signal })
  try {
    const kit = kitFor(options, environment, visit, timeoutMs)
    const diagnosis = await walk(kit, options, environment, call)
    visit.throwIfAborted()
    return diagnosis
  } finally {
    visit.end()
  }
}
