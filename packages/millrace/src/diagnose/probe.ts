// One connection attempt to one address. It must use the producer's own Connection, so that the
// result is valid for a producer. It measures each step; the connection stays open for later steps,
// and DiagnosisRun closes it. Callers: address-probe.ts with the configured options, and
// failure-facts.ts with the opposite ones.

import { Connection } from '../net/connection.ts'
import type { SaslSettings } from '../net/connection-contract.ts'
import { basicRequirements } from '../net/version-requirements.ts'
import { type ConnectStep, KafkaError } from '../protocol/kafka-error.ts'
import type { Api, Input } from '../protocol/schema/api.ts'
import type { Clock } from '../runtime/clock.ts'
import type { ConnectAddress, Transport } from '../runtime/transport.ts'
import type { DiagnosisRun } from './diagnosis-run.ts'

/** The options of a connection. */
export interface ProbeOptions {
  readonly transport: Transport
  readonly sasl: SaslSettings | undefined
  readonly clientId: string
  /** The time limit of one step. */
  readonly stepTimeoutMs: number
  readonly maxResponseBytes: number
}

/** A step that was started, and its duration. */
export interface StepTime {
  readonly step: ConnectStep
  readonly ms: number
}

export interface Probe {
  /** The host that was connected to, usually an IP address. */
  readonly host: string
  /** Every started step; the last one may have failed. */
  readonly times: readonly StepTime[]
  /** Ready for requests; null if the probe failed. */
  readonly connection: Connection | null
  readonly error: KafkaError | null
}

export const stepOrder = ['dns', 'tcp', 'tls', 'api-versions', 'sasl'] as const

/** The step in which a probe failed. */
export const failedStepOf = ({ error, times }: Probe): ConnectStep =>
  error?.step ?? times.at(-1)?.step ?? 'tcp'

/** How many steps succeeded; an established connection is further than any failed one. */
export const distanceOf = (probe: Probe): number =>
  probe.error === null ? stepOrder.length : stepOrder.indexOf(failedStepOf(probe))

/** Measures the steps of one attempt. */
class StepTimes {
  readonly #clock: Clock
  readonly #times: StepTime[] = []
  #step: ConnectStep = 'tcp'
  #sinceMs: number
  #ended = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#sinceMs = clock.now()
  }

  get step(): ConnectStep {
    return this.#step
  }

  get ended(): boolean {
    return this.#ended
  }

  enter(step: ConnectStep): void {
    if (this.#ended) return
    const now = this.#clock.now()
    this.#times.push({ step: this.#step, ms: now - this.#sinceMs })
    this.#step = step
    this.#sinceMs = now
  }

  end(): readonly StepTime[] {
    this.enter(this.#step)
    this.#ended = true
    return this.#times
  }
}

interface Attempt {
  readonly probe: Probe
  /**
   * The peer closed the connection at ApiVersions, as a broker may that supports only version 0.
   */
  readonly mayBeOld: boolean
}

const attempt = (
  run: DiagnosisRun,
  probeOptions: ProbeOptions,
  address: ConnectAddress,
  name: string,
  versionMax?: number,
): Promise<Attempt> => {
  const times = new StepTimes(run.clock)
  return new Promise((resolve) => {
    const { stepTimeoutMs, ...options } = probeOptions
    const settle = (error: KafkaError | null, ready: Connection | null): void => {
      if (times.ended) return
      const mayBeOld = times.step === 'api-versions' && error?.code === 'CONNECTION_FAILED'
      const { host } = address
      const probe = { host, times: times.end(), error, connection: error === null ? ready : null }
      resolve({ probe, mayBeOld: mayBeOld && run.endReason === null })
    }
    const connection: Connection = new Connection(
      {
        ...options,
        clock: run.clock,
        address,
        name,
        negotiation: { versionMax, requirements: basicRequirements },
        connectTimeoutMs: stepTimeoutMs,
        requestTimeoutMs: stepTimeoutMs,
        connectionsMaxIdleMs: 0,
      },
      {
        onStep: (step) => times.enter(step),
        onReady: () => settle(null, connection),
        onClosed: (why) =>
          settle(why ?? new KafkaError('CONNECTION_LOST', `${name} was closed`), null),
        onMutedChange: () => {},
      },
    )
    run.closeAtEnd(connection)
  })
}

/** Never rejects. If the peer closes the connection at ApiVersions, version 0 is tried once. */
export const probe = async (
  run: DiagnosisRun,
  probeOptions: ProbeOptions,
  address: ConnectAddress,
  name: string,
): Promise<Probe> => {
  const first = await attempt(run, probeOptions, address, name)
  if (!first.mayBeOld) return first.probe
  const second = await attempt(run, probeOptions, address, name, 0)
  return second.probe.error === null ? second.probe : first.probe
}

/** Sends a request over an established connection. Rejects with a KafkaError. */
export const sendRequest = <Request, Response>(
  connection: Connection,
  api: Api<Request, Response>,
  request: Input<Request>,
): Promise<Response> =>
  new Promise((resolve, reject) => {
    connection.request(api, request, (error, response) => {
      if (response === null) reject(error)
      else resolve(response)
    })
  })
