// Runs the steps that a producer needs to send a record, and reports the step that fails and its
// remedy. Each step must use the producer's own code, so that its result is valid for a producer
// with these options. Callers: diagnose.ts and tests.
//
//   each bootstrap address: dns → tcp → tls → api-versions → sasl ─► metadata
//                                   each advertised address: listener ─► produce (option)

import { formatAddress } from '../cluster-client/address.ts'
import { type Environment, systemEnvironment } from '../producer/environment.ts'
import { readArgument } from '../producer/field-check.ts'
import { resolveOptions } from '../producer/options.ts'
import type { ProducerOptions } from '../producer/producer-options.ts'
import { checkWaitOptions } from '../producer/wait.ts'
import { KafkaError } from '../protocol/kafka-error.ts'
import { type ReadPeerCertificates, readPeerCertificates } from '../runtime/peer-certificates.ts'
import type { TlsOptions } from '../runtime/tls-settings.ts'
import type { Address } from '../runtime/transport.ts'
import { describeValue } from '../runtime/value-kinds.ts'
import type { Resolved } from './address-probe.ts'
import { addressRows, dnsRow, type Examined, examine } from './address-steps.ts'
import type { DiagnoseOptions } from './diagnose-options.ts'
import type { DiagnosisContext } from './diagnosis-context.ts'
import { DiagnosisRun } from './diagnosis-run.ts'
import { listenerSteps } from './listener-steps.ts'
import { metadataStep } from './metadata-step.ts'
import { OrderedSteps, type ReportStep } from './ordered-steps.ts'
import { produceStep } from './produce-step.ts'
import { type Diagnosis, type DiagnosisStep, diagnosisOf } from './report.ts'

/** The clock, network and certificate reader of a diagnosis; tests pass their own. */
export interface DiagnoseEnvironment extends Environment {
  readonly readCertificates: ReadPeerCertificates | null
}

export const onThisMachine: DiagnoseEnvironment = {
  ...systemEnvironment,
  readCertificates: readPeerCertificates,
}

const timeoutMsDefault = 60_000

/** Throws INVALID_ARGUMENT if an option is invalid. */
const checkOptions = (options: DiagnoseOptions): void => {
  const { produceTo, onStep, ...wait } = readArgument('options', () => ({ ...options }))
  checkWaitOptions(wait)
  if (onStep !== undefined && typeof onStep !== 'function') {
    throw new KafkaError('INVALID_ARGUMENT', `onStep must be a function, got ${typeof onStep}`)
  }
  if (produceTo !== undefined && (typeof produceTo !== 'string' || produceTo === '')) {
    const message = `produceTo must be a topic name, got ${describeValue(produceTo)}`
    throw new KafkaError('INVALID_ARGUMENT', message)
  }
}

const contextFor = (
  options: ProducerOptions,
  environment: DiagnoseEnvironment,
  run: DiagnosisRun,
  timeoutMs: number,
): DiagnosisContext => {
  const { cluster, security, logger } = resolveOptions(options)
  const secured = security.environment(environment)
  const plain = resolveOptions({ ...options, tls: undefined }).security.environment(environment)
  const sasl = security.sasl(secured, logger)
  // tls may be a function. What it returns is not known here, so it counts as an empty object.
  const isObject = typeof options.tls === 'object' && options.tls !== null
  const tls: TlsOptions | null = isObject ? options.tls : options.tls ? {} : null
  return {
    run,
    cluster,
    sasl,
    probeOptions: {
      transport: secured.transport,
      sasl,
      clientId: cluster.clientId,
      stepTimeoutMs: Math.min(cluster.connectTimeoutMs, cluster.requestTimeoutMs, timeoutMs),
      maxResponseBytes: cluster.maxResponseBytes,
    },
    plainTransport: plain.transport,
    usesTls: tls !== null,
    readCertificates: environment.readCertificates,
    socketFactory: options.socketFactory ?? null,
    serverName: tls?.serverName ?? null,
    choices: {
      usesTls: tls !== null,
      namesCa: tls?.ca !== undefined,
      showsCertificate:
        (tls?.cert ?? tls?.pfx ?? tls?.connectionOptions?.cert ?? tls?.connectionOptions?.pfx) !==
        undefined,
      usesSocketFactory: options.socketFactory !== undefined,
      mechanism: sasl?.mechanism.name ?? null,
    },
  }
}

/**
 * Connects to all bootstrap addresses concurrently. The steps are reported in the order of the
 * addresses: the steps of an address are held back until those of earlier addresses are complete.
 */
const examineAll = (context: DiagnosisContext, report: ReportStep): Promise<Examined[]> => {
  const { brokers } = context.cluster
  const ordered = new OrderedSteps(brokers.length, report)
  const examineAddress = async (address: Address, index: number): Promise<Examined> => {
    // The DNS step is reported as soon as it ends, and addressRows returns it once more.
    let reported = 0
    const onResolved = (probed: Resolved): void => {
      ordered.push(index, dnsRow(context, probed))
      reported = 1
    }
    const examined = await examine(context, address, formatAddress(address), null, onResolved)
    for (const row of addressRows(context, examined).slice(reported)) ordered.push(index, row)
    ordered.end(index)
    return examined
  }
  return Promise.all(brokers.map(examineAddress))
}

const runSteps = async (
  context: DiagnosisContext,
  options: ProducerOptions,
  environment: Environment,
  { produceTo, onStep }: DiagnoseOptions,
): Promise<Diagnosis> => {
  const steps: DiagnosisStep[] = []
  const report: ReportStep = (step) => {
    // A step that fails because the caller aborted contains no information about the cluster.
    if (context.run.endReason?.code === 'ABORTED') return
    steps.push(step)
    onStep?.(step)
  }
  const { found, row, saslRows } = await metadataStep(context, await examineAll(context, report))
  for (const saslRow of saslRows) report(saslRow)
  if (row !== null) report(row)
  if (found !== null) await listenerSteps(context, found, report)
  if (found !== null && produceTo !== undefined) {
    report(await produceStep(context, found, options, environment, produceTo))
  }
  return diagnosisOf(steps)
}

/** As `diagnose`, with the environment that the caller passes. */
export const diagnoseIn = async (
  environment: DiagnoseEnvironment,
  options: ProducerOptions,
  call: DiagnoseOptions = {},
): Promise<Diagnosis> => {
  checkOptions(call)
  const { signal, timeoutMs = timeoutMsDefault } = call
  const run = new DiagnosisRun(environment.clock, { timeoutMs, signal })
  try {
    const context = contextFor(options, environment, run, timeoutMs)
    const diagnosis = await runSteps(context, options, environment, call)
    run.throwIfAborted()
    return diagnosis
  } finally {
    run.end()
  }
}
